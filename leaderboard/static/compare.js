// Chooses two rows of a board and loads what is known of them. The choice stands in the address: #a=RUN~PLACE&b=RUN~PLACE.
(() => {
  const RUN = /^[a-z0-9][a-z0-9.+_-]{0,120}$/, PLACE = /^\d{1,4}$/;
  const form = document.getElementById("choose"), said = document.getElementById("said"), shown = document.getElementById("compared");
  const board = document.getElementById("board"), swap = document.getElementById("swap");
  const root = form.dataset.root, known = new Set([...board.options].map((option) => option.value).filter(Boolean));
  const chosen = { a: null, b: null };  // {run, place}
  const boxes = {};
  let rows = [], asked = 0;

  const told = (path) => steerbenchLoad(root, path);

  function written({ run, place }) {
    return `${encodeURIComponent(run)}~${place}`;
  }

  function write() {
    const parts = ["a", "b"].filter((letter) => chosen[letter]).map((letter) => `${letter}=${written(chosen[letter])}`);
    if (!parts.length && board.value) parts.push(`board=${board.value}`);
    history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : location.href.split("#")[0]);
  }

  // A row as the address names it; null if it names none.
  function read(text) {
    const [run, place, ...rest] = (text ?? "").split("~");
    return RUN.test(run) && PLACE.test(place ?? "") && !rest.length ? { run, place: Number(place) } : null;
  }

  async function offer(key) {
    board.value = key;
    const listed = key ? await told(`compare/${key}.js`) : [];
    if (board.value !== key) return;
    rows = listed.map(([run, place, name, model, given, label]) => {
      const more = [label, given, model, run].filter(Boolean).join(" · ");
      return { run, place, label: model ? `${name} · ${model}` : name, more, words: `${name} ${more}`.toLowerCase() };
    });
    for (const letter of ["a", "b"]) {
      boxes[letter].offer(rows);
      put(letter);
    }
  }

  function put(letter) {
    const wanted = chosen[letter];
    const place = wanted ? rows.findIndex((row) => row.run === wanted.run && row.place === wanted.place) : -1;
    boxes[letter].put(place < 0 ? null : place);
  }

  function say(words) {
    said.textContent = words;
  }

  async function show() {
    asked += 1;
    const mine = asked, { a, b } = chosen;
    shown.replaceChildren();
    swap.disabled = !a || !b;
    if (!board.value) return say("Choose a board, then two of its rows.");
    if (!a || !b) return say(a || b ? "Choose the other row." : `Choose two of its ${rows.length.toLocaleString("en")} rows.`);
    if (a.run === b.run && a.place === b.place) return say("A and B are the same row: choose another.");
    say("Loading the answers…");
    const sides = await Promise.all([a, b].map(async ({ run, place }) => {
      const about = await told(`runs/${run}/compare.js`);
      return { run, place, about, method: about.methods[place] };
    }));
    const samples = sides.some((side) => side.about.withheld) ? null : await Promise.all(sides.map(load));
    if (mine !== asked) return;
    say("");
    shown.append(...steerbenchCompared(root, sides, samples));
  }

  async function load({ run, place }) {
    const { questions, answers } = await steerbenchSamples(root, `runs/${run}`, [place]);
    return { questions, answers: answers[0] };
  }

  // What the address says, as far as it can be had; the rest is said in words.
  async function restore() {
    const state = new URLSearchParams(location.hash.slice(1)), problems = [];
    let key = known.has(state.get("board")) ? state.get("board") : "";
    chosen.a = chosen.b = null;
    for (const letter of ["a", "b"]) {
      if (!state.has(letter)) continue;
      const wanted = read(state.get(letter));
      const about = wanted && await told(`runs/${wanted.run}/compare.js`).catch(() => null);
      if (!about?.methods[wanted.place]) problems.push(`${letter.toUpperCase()} is no row of this site.`);
      else if (chosen.a && about.board !== key) problems.push("B stands on another board than A; only rows of one board can be compared.");
      else {
        chosen[letter] = wanted;
        key = about.board;
      }
    }
    await offer(key);
    await show();
    if (problems.length) say(`${problems.join(" ")} ${said.textContent}`.trim());
  }

  const attempt = (work) => work().catch((error) => say(String(error.message)));

  for (const letter of ["a", "b"]) {
    boxes[letter] = steerbenchCombobox(document.getElementById(`row-${letter}`), (place) => {
      chosen[letter] = { run: rows[place].run, place: rows[place].place };
      write();
      attempt(show);
    });
  }
  board.addEventListener("change", () => {
    chosen.a = chosen.b = null;
    write();
    attempt(async () => { await offer(board.value); await show(); });
  });
  swap.addEventListener("click", () => {
    [chosen.a, chosen.b] = [chosen.b, chosen.a];
    put("a");
    put("b");
    write();
    attempt(show);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", () => attempt(restore));
  form.hidden = false;
  attempt(restore);
})();
