// The statistics of a paired comparison, as steerbench.statistics has them. Pure functions: nothing here knows the page.
// A unit is what was sampled independently: a target, or an item whatever the target. It counts once, by the mean of
// its pairs' differences. `given` is from Python: Student's quantiles and the words where there is no interval.
// A pair is {target, item, question, a, b, difference, place}: the two losses, the first less the second (below zero: A
// loses less), and where the answers stand in either row's samples.
(() => {
  const SIGNS = 20000, EXACT_UP_TO = 14, SEED = 0, ROUNDING = 1e-12;
  const POLE = /^(.+)([+-])$/;

  const key = (target, item) => JSON.stringify([target, item]);
  const lossOf = (answer) => answer?.[3] ?? null;

  // `first` and `second` are {questions, answers} of one row each. Shared is what both were asked.
  function pair(first, second) {
    const seen = new Map(second.questions.map(([target, item], place) => [key(target, item), place]));
    const pairs = [];
    const without = [0, 0];
    let shared = 0, reworded = 0;
    first.questions.forEach(([target, item, question], place) => {
      const other = seen.get(key(target, item));
      const one = first.answers[place], two = other === undefined ? null : second.answers[other];
      if (!one || !two) return;
      shared += 1;
      if (second.questions[other][2] !== question) reworded += 1;
      const a = lossOf(one), b = lossOf(two);
      [a, b].forEach((loss, n) => { without[n] += loss === null; });
      if (a !== null && b !== null) pairs.push({ target, item, question, a, b, difference: a - b, place: [place, other] });
    });
    return { pairs, shared, lost: shared - pairs.length, without, reworded };
  }

  const sum = (values) => values.reduce((total, value) => total + value, 0);

  // By unit (`by` is "target" or "item"), the mean of its differences.
  function units(pairs, by) {
    const found = new Map();
    for (const p of pairs) {
      const [total, size] = found.get(p[by]) ?? [0, 0];
      found.set(p[by], [total + p.difference, size + 1]);
    }
    return [...found.values()].map(([total, size]) => total / size);
  }

  // sfc32: whole numbers below 2^32, the same for a seed on every machine.
  function generator(seed) {
    let a = seed, b = 0x9e3779b9 | 0, c = 0x243f6a88 | 0, counter = 1;
    const next = () => {
      const out = (a + b + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + out) | 0;
      return out >>> 0;
    };
    for (let n = 0; n < 15; n += 1) next();
    return next;
  }

  // Student's 97.5 % quantile; `given.quantiles` has it for 1, 2, ... degrees of freedom.
  function quantile(free, { quantiles, normal }) {
    const last = quantiles.length;
    return free <= last ? quantiles[free - 1] : normal + (quantiles[last - 1] - normal) * last / free;
  }

  // The mean of the units with Student's 95 % interval, or a note why it has none (steerbench.statistics.mean_estimate).
  function estimate(pairs, by, given) {
    const values = units(pairs, by), count = values.length, mean = count ? sum(values) / count : null;
    const found = { mean, low: null, high: null, note: "", units: count, pairs: pairs.length };
    if (count < 2) return { ...found, note: given.one };
    const spread = Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / (count - 1) / count);
    if (spread <= ROUNDING * values.reduce((most, value) => Math.max(most, Math.abs(value)), 1)) return { ...found, note: given.same };
    const half = quantile(count - 1, given) * spread;
    return { ...found, low: mean - half, high: mean + half };
  }

  // Two-sided p of the units' differences having mean 0, if each could as well be its negative. Exact for up to 14 that
  // are not zero, else of random sign patterns with the observed one among them.
  function signFlip(pairs, by) {
    const values = units(pairs, by).filter((value) => value !== 0);
    // Sums that are equal but for rounding are ties, and a tie is as extreme as what was observed.
    const observed = Math.abs(sum(values)) - 1e-12 * sum(values.map(Math.abs));
    const flipped = (bit) => {
      let total = 0;
      for (let n = 0; n < values.length; n += 1) total += bit(n) ? values[n] : -values[n];
      return Math.abs(total) >= observed;
    };
    let extreme = 0;
    if (values.length <= EXACT_UP_TO) {
      for (let pattern = 0; pattern < 2 ** values.length; pattern += 1) extreme += flipped((n) => pattern >> n & 1);
      return extreme / 2 ** values.length;
    }
    const next = generator(SEED);
    for (let n = 0; n < SIGNS; n += 1) {
      let bits = 0;
      extreme += flipped((place) => {
        if ((place & 31) === 0) bits = next();
        return bits >>> (place & 31) & 1;
      });
    }
    return (extreme + 1) / (SIGNS + 1);
  }

  function counts(pairs) {
    const better = pairs.filter((p) => p.difference < 0).length, worse = pairs.filter((p) => p.difference > 0).length;
    return { better, same: pairs.length - better - worse, worse };
  }

  function grouped(values, name) {
    const found = new Map();
    for (const value of values) found.set(name(value), [...(found.get(name(value)) ?? []), value]);
    return found;
  }

  // By target in alphabetical order, `most` of them; two poles stand under their trait. Within a target its items were sampled.
  function groups(pairs, given, most) {
    const byTarget = new Map();
    for (const p of pairs) byTarget.has(p.target) ? byTarget.get(p.target).push(p) : byTarget.set(p.target, [p]);
    const names = [...byTarget.keys()].sort(), poles = names.every((name) => POLE.test(name));
    const of = (kind, name, members) => ({ kind, name, ...estimate(members, "item", given) });
    return [...grouped(names.slice(0, most), (name) => poles ? POLE.exec(name)[1] : name)].flatMap(([trait, members]) => {
      if (members.length === 1) return [of("target", members[0], byTarget.get(members[0]))];
      const whole = of("trait", trait, members.flatMap((name) => byTarget.get(name)));
      return [whole, ...members.map((name) => of("pole", name, byTarget.get(name)))];
    });
  }

  // Where A gained most on B and where it lost most, as many as `most` each; equals in the order they were asked in.
  function changed(pairs, most) {
    const ordered = [...pairs].sort((p, q) => p.difference - q.difference);
    const reversed = [...pairs].sort((p, q) => q.difference - p.difference);
    return {
      better: ordered.filter((p) => p.difference < 0).slice(0, most),
      worse: reversed.filter((p) => p.difference > 0).slice(0, most),
    };
  }

  window.steerbenchPaired = { pair, estimate, signFlip, counts, groups, changed, quantile };
})();
