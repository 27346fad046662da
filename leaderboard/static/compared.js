// Writes a comparison of two rows: who they are, whether they were asked the same, what differs and how sure that is.
// Every name and answer is put in as text.
(() => {
  const MOST_TARGETS = 60, MOST_CHANGED = 10, MOST_RATINGS = 8, MOST_DIFFERENCES = 60, SIGNIFICANT = 0.05;
  const { pair, estimate, signFlip, counts, groups, changed } = steerbenchPaired;
  const given = JSON.parse(document.getElementById("statistics").textContent);
  const LETTERS = ["A", "B"];

  function make(tag, given = {}, ...inside) {
    const { data = {}, ...properties } = given;
    const element = Object.assign(document.createElement(tag), properties);
    for (const [name, value] of Object.entries(data)) element.dataset[name] = value;
    element.append(...inside.filter((part) => part !== null && part !== ""));
    return element;
  }

  const { namespaceURI } = document.querySelector(".brand svg");

  function drawn(tag, attributes, ...inside) {
    const element = document.createElementNS(namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...inside);
    return element;
  }

  // Numbers as leaderboard/text.py writes them: three digits that tell, a true minus sign.
  function decimals(values) {
    const largest = Math.max(0, ...values.filter((v) => v !== null).map(Math.abs));
    return largest === 0 ? 1 : Math.min(Math.max(2 - Math.floor(Math.log10(largest)), 0), 3);
  }

  function number(value, digits) {
    if (value === null || !Number.isFinite(value)) return "–";
    if (Math.abs(value) >= 1e9) return value.toExponential(2).replace("-", "−");
    const text = Math.abs(value).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    return value < 0 && Number(text.replaceAll(",", "")) ? `−${text}` : text;
  }

  const signed = (value, digits) => `${value > 0 ? "+" : ""}${number(value, digits)}`;
  const interval = (low, high, digits) => low === null || high === null ? "" : `[${number(low, digits)}, ${number(high, digits)}]`;
  const probability = (p) => p === null ? "–" : p < 0.001 ? "< 0.001" : number(p, 3);
  const whole = (count) => count.toLocaleString("en");
  const several = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;
  const cut = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;
  const badge = (letter) => make("b", { className: `badge ${letter.toLowerCase()}`, textContent: letter });

  function section(title, ...inside) {
    return make("section", {}, make("h2", { textContent: title }), ...inside);
  }

  function scrolled(label, table) {
    return make("div", { className: "scroll", role: "region", tabIndex: 0, ariaLabel: label }, table);
  }

  function table(columns, rows, className = "") {
    const head = make("tr", {}, ...columns.map(([text, numeric]) => make("th", { scope: "col", className: numeric ? "n" : "" }, text)));
    return make("table", { className }, make("thead", {}, head), make("tbody", {}, ...rows));
  }

  function valued([, value, low, high, note], digits) {
    return [make("b", { textContent: number(value, digits) }), " ", ends({ low, high, note }, digits)];
  }

  // An interval, or small why there is none.
  function ends({ low, high, note }, digits) {
    const found = interval(low, high, digits);
    return make("small", { className: found ? "" : "why", textContent: found || note });
  }

  function who(root, sides) {
    const heads = sides.map(({ method }) => method.metrics[0] ?? null);
    const digits = decimals(heads.map((metric) => metric?.[1] ?? null));
    const cards = sides.map(({ run, place, about, method }, n) => make("article", { className: "card who" },
      make("h3", {}, badge(LETTERS[n]), " ", make("a", { href: `${root}runs/${encodeURIComponent(run)}.html#method-${place}`, textContent: method.name }), method.label ? make("small", { textContent: ` ${method.label}` }) : ""),
      method.asked && make("p", { className: "asked", textContent: method.asked }),
      make("p", { className: "sub" }, about.model || "no model", make("br"), make("span", { className: "mono", textContent: run })),
      heads[n] ? make("p", { className: "headline", data: { headline: LETTERS[n] } }, ...valued(heads[n], digits), make("span", { className: "asked", textContent: `${heads[n][0]}, ${about.higher ? "higher" : "lower"} is better` })) : "",
      method.standing && make("p", { className: "standing", textContent: method.standing })));
    return section("Who they are", make("div", { className: "cards" }, ...cards));
  }

  // What of a run's identity may differ, by how its names start, and what that means for the comparison.
  const MEANINGS = [
    ["judges.", "Their judges differ: the losses may not be on one scale."],
    ["task.", "The task asked differently: only what both were asked is compared, and it may not have been put alike."],
    ["engine.", "They were computed differently (model, weights, engine or its settings): a difference may come from there."],
    ["plan.protocol", "They follow different protocols: under the published one a strength may be chosen on the items that measure."],
    ["", "Something else of how they were made differs."],
  ];

  function asked([one, two], reworded) {
    if (one.run === two.run) return section("Were they asked the same?", make("p", { textContent: "Yes: both are rows of one run, with the same model, task settings and judges." }));
    const [first, second] = [one, two].map(({ about }) => new Map([["model", about.model], ...about.asked]));
    const names = [...new Set([...first.keys(), ...second.keys()])].filter((name) => first.get(name) !== second.get(name));
    const meanings = [...new Set(names.filter((name) => name !== "model").map((name) => MEANINGS.find(([start]) => name.startsWith(start))[1]))];
    if (names.includes("model")) meanings.unshift(`Their models differ: a difference may be the model's as much as the method's.`);
    if (!meanings.length && one.about.digest !== two.about.digest) meanings.push(MEANINGS.at(-1)[1]);
    if (reworded) meanings.unshift(`${several(reworded, "question")} of the same name ${reworded === 1 ? "has" : "have"} other words in the two runs: the pairs are not of one question.`);
    if (!meanings.length) return section("Were they asked the same?", make("p", { textContent: "Yes: two runs with the same model, task settings and judges." }));
    const rows = names.slice(0, MOST_DIFFERENCES).map((name) => make("tr", {}, make("th", { scope: "row", textContent: name }), ...[first, second].map((side) => make("td", { textContent: side.get(name) ?? "–" }))));
    const differing = rows.length ? make("details", {}, make("summary", { textContent: `What differs (${names.length})` }), scrolled("What differs", table([["Setting"], ["A"], ["B"]], rows, "differing"))) : "";
    return section("Were they asked the same?", make("p", { textContent: "No." }), make("ul", { className: "meanings" }, ...meanings.map((textContent) => make("li", { textContent }))), differing);
  }

  // An interval on a line from -reach to reach with 0 in the middle.
  function line({ mean, low, high }, reach, { open = false, width = 200 } = {}) {
    const middle = width / 2;
    const at = (value) => (middle + 0.94 * middle * Math.min(Math.max(value / reach, -1), 1)).toFixed(1);
    const svg = drawn("svg", { class: open ? "ci open" : "ci", viewBox: `0 0 ${width} 16`, "aria-hidden": "true" }, drawn("path", { class: "ref", d: `M${middle} 0V16` }));
    if (low !== null) svg.append(drawn("path", { class: "line", d: `M${at(low)} 8H${at(high)}M${at(low)} 4V12M${at(high)} 4V12` }));
    if (mean !== null) svg.append(drawn("circle", { cx: at(mean), cy: 8, r: 3.5 }));
    return svg;
  }

  // The next of 1, 2, 5, 10, ... that holds all estimates.
  function reachOf(estimates) {
    const largest = Math.max(...estimates.flatMap(({ mean, low, high }) => [mean, low, high]).map((v) => Math.abs(v ?? 0)));
    if (!largest) return 1;
    const step = 10 ** Math.floor(Math.log10(largest));
    return [1, 2, 5, 10].map((n) => n * step).find((n) => n >= largest);
  }

  function overall(sides, found) {
    const { pairs } = found, { by, over } = sides[0].about, all = estimate(pairs, by, given), p = signFlip(pairs, by);
    const digits = decimals([all.mean, all.low, all.high]), reach = reachOf([all]);
    const told = p < SIGNIFICANT && all.mean !== 0;
    const few = all.units < given.fewest;
    const verdict = few ? `Too few ${over} for any difference to be significant` : !told ? "A and B do not differ significantly" : all.mean < 0 ? "A loses less than B" : "B loses less than A";
    const { better, same, worse } = counts(pairs), share = (count) => `${number(100 * count / pairs.length, 0)} %`;
    const values = { mean: all.mean, low: all.low ?? "", high: all.high ?? "", p, by, units: all.units, pairs: pairs.length, better, same, worse, lost: found.lost };
    const parts = [["a", better, "A lower"], ["same", same, "the same"], ["b", worse, "B lower"]];
    let x = 0;
    const bars = parts.map(([name, count]) => {
      const width = 100 * count / pairs.length, bar = drawn("rect", { class: name, x: x.toFixed(2), width: width.toFixed(2), height: 6 });
      x += width;
      return bar;
    });
    return section("Difference of the loss",
      make("div", { id: "difference", className: "difference", data: values },
        make("div", {},
          make("p", { className: "verdict", textContent: `${verdict}.` }),
          make("p", { className: "number" }, make("b", { textContent: signed(all.mean, digits) }), " ", ends(all, digits), make("span", { className: "asked", textContent: `mean of A less B; p ${p < 0.001 ? "" : "= "}${probability(p)}` }))),
        make("div", { className: "wide" }, line(all, reach, { open: !told, width: 400 }),
          make("div", { className: "ends", ariaHidden: "true" }, ...[-reach, 0, reach].map((end) => make("span", { textContent: signed(end, decimals([reach])) }))),
          make("div", { className: "ends" }, make("span", { textContent: "← A loses less" }), make("span", { textContent: "B loses less →" })))),
      drawn("svg", { class: "shares", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars),
      make("p", { className: "shares" }, ...parts.map(([name, count, words]) => make("span", {}, make("i", { className: `key ${name}` }), `${words} on ${share(count)} (${whole(count)})`))),
      make("p", { className: "note", textContent: sampled(by, over, all.units) }),
      make("p", { className: "note", id: "left-out", textContent: leftOut(found) }),
      ...own(sides));
  }

  function sampled(by, over, units) {
    const why = by === "target" ? "answers of one target belong together and count once, by their mean" : "answers to one item, whatever the target, belong together and count once, by their mean";
    const few = units < given.fewest ? ` Below ${given.fewest} the smallest possible p is above .05.` : "";
    return `Over ${whole(units)} ${over}: ${why}. The 95 % interval is Student's, and p is of a sign-flip test over them.${few} p is of this one comparison: picked out of many, it says less.`;
  }

  function leftOut({ shared, lost, without }) {
    if (!lost) return `All ${several(shared, "answer")} that both were asked for have a loss on both sides; none is left out.`;
    return `${whole(lost)} of ${several(shared, "shared answer")} ${lost === 1 ? "is" : "are"} left out, because A (${whole(without[0])}) or B (${whole(without[1])}) has no loss there: it could not be read or rated. A row that fails where questions are hard is compared on the easier ones, and looks better than it is.`;
  }

  // What the run says itself of these two, if they are of one run.
  function own([one, two]) {
    if (one.run !== two.run) return [];
    return [[one, two, "A", "B"], [two, one, "B", "A"]].flatMap(([row, other, letter, against]) => row.method.comparisons
      .filter(([name]) => name === other.method.name)
      .map(([, difference, p, holm, low, high, smallest]) => make("p", { className: "note own", textContent: `The run's own test: ${letter} less ${against} is ${[signed(difference, 3), interval(low, high, 3)].filter(Boolean).join(" ")}, p ${probability(p)}, after Holm for all it tested ${probability(holm)}.${smallest === null ? "" : ` Four of five such runs would find a difference of ${number(smallest, 3)}.`} It may treat answers without a loss in the task's own way.` })));
  }

  function forest(pairs) {
    const found = groups(pairs, given, MOST_TARGETS), digits = decimals(found.flatMap(({ mean, low, high }) => [mean, low, high])), reach = reachOf(found);
    const rows = found.map((one) => make("tr", { className: one.kind, data: { name: one.name, mean: one.mean, low: one.low ?? "", high: one.high ?? "" } },
      make("th", { scope: "row", textContent: cut(one.name, 120) }),
      make("td", {}, make("span", { className: "estimate" }, line(one, reach, { open: one.low === null || one.low <= 0 && one.high >= 0 }), make("b", { textContent: signed(one.mean, digits) }), ends(one, digits))),
      make("td", { className: "n", textContent: whole(one.pairs) })));
    const all = new Set(pairs.map((p) => p.target)).size;
    const more = all > MOST_TARGETS ? ` The first ${MOST_TARGETS} of ${whole(all)} are shown.` : "";
    return section("By target", make("p", { className: "note", textContent: `Difference of the loss, A less B: left of the dashed zero A loses less. Lines reach from −${reach} to ${reach}; intervals are over the items of a line, and empty circles have zero within.${more}` }),
      scrolled("By target", table([["Target"], ["Difference"], ["answers", true]], rows, "forest targets")));
  }

  function answered(answer) {
    if (typeof answer === "string") return answer || "(an empty answer)";
    if (typeof answer === "number") return `ticked ${answer}`;
    return Array.isArray(answer) ? `log-likelihood of each option: ${answer.map((value) => number(value, 2)).join(", ")}` : "(not published)";
  }

  function side(letter, [answer, before, , loss, , verdicts]) {
    const ratings = verdicts.slice(0, MOST_RATINGS).map(([role, quality, rating]) => `${cut(quality || role, 40)} ${number(rating, 1)}`).join(", ");
    return make("div", { className: "answer" },
      make("p", { className: "sub" }, badge(letter), ` loss ${number(loss, 3)}${ratings ? ` · rated ${ratings}` : ""}`),
      make("div", { className: "said", role: "group", tabIndex: 0, ariaLabel: `Answer of ${letter}` }, before ? make("span", { className: "before", textContent: `${before}\n` }) : "", answered(answer)));
  }

  function mostChanged(pairs, samples) {
    const found = changed(pairs, MOST_CHANGED);
    const item = (one) => make("article", { className: "change", data: { target: one.target, item: one.item, difference: one.difference } },
      make("h4", {}, make("span", { textContent: one.question || one.item }), make("small", { textContent: `${cut(one.target, 80)} · ${cut(one.item, 80)} · difference ${signed(one.difference, 3)}` })),
      make("div", { className: "answers" }, ...one.place.map((place, n) => side(LETTERS[n], samples[n].answers[place]))));
    const list = (id, title, items) => make("div", { id }, make("h3", { textContent: title }), ...(items.length ? items.map(item) : [make("p", { className: "note", textContent: "Nowhere." })]));
    return section("What changed most", make("p", { className: "note", textContent: `Up to ${MOST_CHANGED} answers each way, the largest difference of the loss first; of equals, those asked first.` }),
      list("better", "Where A loses less", found.better), list("worse", "Where B loses less", found.worse));
  }

  function metrics(sides) {
    const of = sides.map(({ method }) => new Map(method.metrics.map((metric) => [metric[0], metric])));
    const rows = [...new Set(of.flatMap((side) => [...side.keys()]))].map((name) => {
      const both = of.map((side) => side.get(name) ?? null), digits = decimals(both.map((metric) => metric?.[1] ?? null));
      return make("tr", {}, make("th", { scope: "row", textContent: name }), ...both.map((metric) => make("td", { className: "n" }, ...(metric ? valued(metric, digits) : ["–"]))));
    });
    return section("What was published of them", make("p", { className: "note", textContent: "Each row's own metrics with their 95 % intervals. Two intervals that overlap do not say that the rows are alike: only a paired difference can tell." }),
      scrolled("Metrics", table([["Metric"], ["A", true], ["B", true]], rows, "matrix sides")));
  }

  function withheld(sides) {
    const tests = own(sides);
    return section("Difference of the loss", make("p", { className: "warn", id: "withheld", textContent: "The losses of single answers are not published for this task, because they would tell what people ticked. So there is nothing to pair here, and no difference is computed." }),
      ...(tests.length ? tests : [make("p", { className: "note", textContent: sides[0].run === sides[1].run ? "The run has no test of these two against each other." : "The two rows are of different runs, so that no run has tested them against each other." })]));
  }

  function compared(root, sides, samples) {
    if (!samples) return [who(root, sides), asked(sides, 0), withheld(sides), metrics(sides)];
    const found = pair(...samples), start = [who(root, sides), asked(sides, found.reworded)];
    if (!found.shared) return [...start, section("Difference of the loss", make("p", { className: "warn", textContent: "The two rows were asked nothing in common: no target and item is in both." })), metrics(sides)];
    if (!found.pairs.length) return [...start, section("Difference of the loss", make("p", { className: "warn", textContent: leftOut(found) })), metrics(sides)];
    return [...start, overall(sides, found), forest(found.pairs), mostChanged(found.pairs, samples), metrics(sides)];
  }

  window.steerbenchCompared = compared;
})();
