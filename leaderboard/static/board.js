// Sorts, filters and searches a board. Rows are written by the build, the browser only chooses and orders them.
// What is chosen stands in the address after #, so that a view can be linked to.
(() => {
  const METHODS = "methods", STEP = { methods: 200 }, FEW = 8;
  const script = document.currentScript;
  const form = document.getElementById("filters");
  const count = document.getElementById("count");
  const lists = new Map();  // "strict-methods" -> {body, rows, shown, more}
  for (const body of document.querySelectorAll("tbody[data-list]")) {
    const kind = body.dataset.list.split("-")[1];
    const more = body.nextElementSibling, band = kind === METHODS ? null : body.previousElementSibling;
    const step = STEP[kind] ?? FEW;
    const list = { body, kind, rows: [...body.rows].map(read), shown: step, step, more, band };
    more.querySelector("button").addEventListener("click", () => { list.shown += 5 * step; show(); });
    lists.set(body.dataset.list, list);
  }
  const facets = [...form.querySelectorAll("select")].filter((s) => s.name !== "protocol").map((s) => s.name);
  const headers = [...document.querySelectorAll("table.board")].map((table) => [...table.tHead.rows[0].cells]);
  const initial = headers[0].findIndex((th) => th.ariaSort);
  const initialDirection = initial < 0 ? "ascending" : headers[0][initial].ariaSort;
  let sort = { column: initial, direction: initialDirection };

  function read(tr) {
    return { tr, data: tr.dataset, words: tr.textContent.toLowerCase(), place: 0 };
  }

  function key(row, column) {
    const cell = row.tr.cells[column];
    if (cell.dataset.v === undefined) return cell.firstElementChild?.textContent || cell.textContent;
    return cell.dataset.v === "" || cell.dataset.v === "None" ? null : Number(cell.dataset.v);
  }

  // What has no value stands last in both directions; equals keep the order of the build.
  function ordered(rows) {
    if (sort.column === initial && sort.direction === initialDirection) return rows;
    const sign = sort.direction === "ascending" ? 1 : -1;
    const keyed = rows.map((row) => [key(row, sort.column), row]);
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
    });
    return keyed.map(([, row]) => row);
  }

  function wanted(row, kind, words) {
    for (const name of facets) {
      const value = form.elements[name].value;
      if (!value || row.data[name] === value) continue;
      // What is there to be compared with goes only where it is of another model or was asked otherwise.
      if (kind === METHODS || (name !== "method" && name !== "judge" && row.data[name])) return false;
    }
    return kind !== METHODS || words.every((word) => row.words.includes(word));
  }

  function show() {
    const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    let all = 0;
    for (const { body, kind, rows, shown, more, band } of lists.values()) {
      const chosen = ordered(rows.filter((row) => wanted(row, kind, words)));
      body.replaceChildren(...chosen.slice(0, shown).map((row) => row.tr));
      more.hidden = chosen.length <= shown;
      if (band) band.hidden = !chosen.length;
      const left = chosen.length - shown;
      more.querySelector("button").textContent = left === 1 ? "Show the last row" : `Show more of the ${left.toLocaleString("en")} rows left`;
      const section = body.closest("section");
      section.hidden = Boolean(form.elements.protocol?.value && form.elements.protocol.value !== section.dataset.protocol);
      if (kind === METHODS) all += rows.length;
      if (kind === METHODS && !section.hidden) found += chosen.length;
    }
    count.textContent = `${found.toLocaleString("en")} of ${all.toLocaleString("en")} rows`;
    for (const cells of headers) {
      cells.forEach((th, column) => {
        if (column === sort.column) th.ariaSort = sort.direction;
        else th.removeAttribute("aria-sort");
      });
    }
  }

  function write() {
    const state = new URLSearchParams();
    for (const field of form.elements) if (field.name && field.value) state.set(field.name, field.value);
    if (sort.column !== initial || sort.direction !== initialDirection) {
      state.set("sort", `${sort.column}-${sort.direction}`);
    }
    history.replaceState(null, "", state.size ? `#${state}` : location.href.split("#")[0]);
  }

  function restore() {
    const state = new URLSearchParams(location.hash.slice(1));
    for (const field of form.elements) if (field.name) field.value = state.get(field.name) ?? "";
    // A choice that this board does not have leaves a select without any: take all.
    for (const field of form.querySelectorAll("select")) if (field.selectedIndex < 0) field.value = "";
    const [column, direction] = (state.get("sort") ?? "").split("-");
    const known = column in headers[0] && ["ascending", "descending"].includes(direction);
    sort = known ? { column: Number(column), direction } : { column: initial, direction: initialDirection };
    show();
  }

  function start() {
    for (const list of lists.values()) list.shown = list.step;
    show();
  }

  function changed() {
    write();
    start();
  }

  for (const cells of headers) {
    cells.forEach((th, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...th.childNodes);
      th.append(button);
      button.addEventListener("click", () => {
        const numeric = th.classList.contains("n") || column === initial;
        const first = column === initial ? initialDirection : numeric ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        sort = { column, direction: sort.column === column && sort.direction === first ? other : first };
        changed();
      });
    });
  }

  // The rest of a long board comes in scripts after the page has loaded, and goes behind what is there.
  window.steerbenchRows = (pairs) => {
    for (const [name, html] of pairs) {
      const holder = document.createElement("template");
      holder.innerHTML = html;
      lists.get(name).rows.push(read(holder.content.firstElementChild));
    }
    show();
  };

  function load([path, ...rest]) {
    if (!path) return;
    const next = document.createElement("script");
    next.src = path;
    next.addEventListener("load", () => load(rest));
    document.body.append(next);
  }

  // Not at every letter: browsers refuse an address that changes too often.
  form.addEventListener("input", start);
  form.addEventListener("change", write);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { sort = { column: initial, direction: initialDirection }; changed(); }));
  window.addEventListener("hashchange", restore);
  form.hidden = false;
  restore();
  window.addEventListener("load", () => load(script.dataset.more.split(" ").filter(Boolean)));
})();
