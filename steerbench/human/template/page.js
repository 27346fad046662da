"use strict";
(() => {
  const study = JSON.parse(document.getElementById("study").textContent);
  const comparing = study.mode === "compare";
  const PLACE = "human-study-" + study.study;
  const FORMAT = "steerbench-human-1";
  const CODE = /^[A-Za-z0-9]{3,20}$/;
  const at = (id) => document.getElementById(id);

  let state = null; // { annotator, here, done: { screen key: { order: [[answer]], ms } } }
  let screens = []; // in this person's order: { key, question, answers: as shown }
  let since = null; // when this screen began to be looked at, null while nobody does

  // -- what is kept

  function kept() {
    try {
      const found = JSON.parse(localStorage.getItem(PLACE));
      const whole = found && CODE.test(found.annotator) && Number.isInteger(found.here) && found.done;
      return whole && typeof found.done === "object" ? found : null;
    } catch {
      return null;
    }
  }

  function keep() {
    try {
      localStorage.setItem(PLACE, JSON.stringify(state));
    } catch {
      at("notice").textContent = "This browser keeps nothing for this page: save a file before you close it.";
      at("notice").hidden = false;
    }
  }

  // -- each person's own order, the same whenever they come back

  function draws(text) {
    let seed = Number(fnv(text) & 0xffffffffn) || 1;
    return (below) => {
      seed ^= seed << 13; seed ^= seed >>> 17; seed ^= seed << 5;
      return Math.floor(((seed >>> 0) / 4294967296) * below);
    };
  }

  function shuffled(list, draw) {
    const out = [...list];
    for (let last = out.length - 1; last > 0; last--) {
      const other = draw(last + 1);
      [out[last], out[other]] = [out[other], out[last]];
    }
    return out;
  }

  function screensFor(annotator) {
    const draw = draws(study.study + " " + annotator);
    const all = study.questions.flatMap((question) => {
      if (!comparing) return [{ question, answers: question.answers }];
      return question.answers.flatMap((one, place) =>
        question.answers.slice(place + 1).map((other) => ({ question, answers: [one, other] })));
    });
    return shuffled(all, draw).map(({ question, answers }) => ({
      key: [question.id, ...answers.map((answer) => answer.id).sort()].join(" "),
      question,
      answers: shuffled(answers, draw),
    }));
  }

  // -- a screen's state

  const screen = () => screens[state.here];
  const entry = (of = screen()) => state.done[of.key] || { order: [], ms: 0 };
  const complete = (of) => entry(of).order.flat().length === of.answers.length;
  const answered = () => screens.filter(complete).length;

  function clock() {
    if (since === null) return;
    const now = performance.now();
    const { order, ms } = entry();
    state.done[screen().key] = { order, ms: Math.round(ms + now - since) };
    since = now;
  }

  function decide(order) {
    const of = screen();
    clock();
    state.done[of.key] = { order, ms: entry().ms };
    keep();
    marks();
    progress();
  }

  function toggle(place) {
    const of = screen();
    const answer = of.answers[place];
    if (!answer) return;
    if (of.answers.length === 2) {
      decide([[answer.id], [of.answers[1 - place].id]]);
      return;
    }
    let order = entry().order.map(([id]) => id);
    if (order.includes(answer.id)) {
      if (complete(of)) {
        // The last place went by itself: it goes with any other, and whoever presses it only says the same once more.
        const last = order.pop();
        if (last === answer.id) return;
      }
      order = order.filter((id) => id !== answer.id);
    } else {
      order.push(answer.id);
      const left = of.answers.filter(({ id }) => !order.includes(id));
      if (left.length === 1) order.push(left[0].id);
    }
    decide(order.map((id) => [id]));
  }

  function same() {
    if (comparing) decide([screen().answers.map(({ id }) => id).sort()]);
  }

  // -- what is seen

  function show(section) {
    for (const id of ["intro", "task", "end"]) at(id).hidden = id !== section;
    at("top").hidden = section === "intro";
    at(section).querySelector("h1").focus({ preventScroll: true });
    window.scrollTo(0, 0);
    progress();
  }

  function progress() {
    if (!state) return;
    const done = answered();
    at("count").textContent = done + " of " + screens.length + " done";
    at("progress").max = screens.length;
    at("progress").value = done;
    at("save-now").classList.toggle("away", done === 0 || !at("end").hidden);
  }

  function ask() {
    const of = screen();
    at("more").textContent = of.question.more;
    at("hint").textContent = of.question.hint ? "Such a person is " + of.question.hint + "." : "";
    at("question").textContent = of.question.question;
    at("answers").replaceChildren(...of.answers.map(card));
    at("back").disabled = state.here === 0;
    at("status").textContent = "";
    marks();
    show("task");
    since = document.hidden ? null : performance.now();
  }

  function card(answer, place) {
    const button = made("button", "card");
    button.type = "button";
    const head = made("span", "head");
    const number = made("kbd", "", String(place + 1));
    number.setAttribute("aria-hidden", "true");
    head.append(made("span", "hidden", "Answer " + (place + 1) + ": "), number, made("span", "place"));
    const said = made("span", answer.text ? "said" : "said nothing", answer.text || "(no answer)");
    button.append(head, said);
    button.addEventListener("click", () => toggle(place));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  function made(tag, name, text = "") {
    const element = document.createElement(tag);
    element.className = name;
    element.textContent = text;
    return element;
  }

  function marks() {
    const of = screen();
    const { order } = entry();
    const tie = order.length === 1 && order[0].length > 1;
    of.answers.forEach(({ id }, place) => {
      const button = at("answers").children[place].firstChild;
      const rank = order.findIndex((group) => group.includes(id));
      const chosen = comparing ? rank === 0 && !tie : rank >= 0;
      button.setAttribute("aria-pressed", String(chosen));
      button.querySelector(".place").textContent = chosen ? (comparing ? "chosen" : ordinal(rank + 1)) : "";
    });
    if (comparing) at("same").setAttribute("aria-pressed", String(tie));
    const placed = order.flat().length;
    at("next").textContent = complete(of) ? "Next" : "Skip for now";
    at("next").classList.toggle("main", complete(of));
    at("status").textContent = placed === 0 ? "" : complete(of) ? "Done: go on, or change it."
      : placed + " of " + of.answers.length + " have their place.";
  }

  function ordinal(number) {
    return number + (["th", "st", "nd", "rd"][number] || "th");
  }

  // -- going on and back

  function go(step) {
    clock();
    since = null;
    state.here = Math.min(Math.max(state.here + step, 0), screens.length);
    keep();
    if (state.here === screens.length) finish();
    else ask();
  }

  function finish() {
    const left = screens.length - answered();
    at("end-title").textContent = left ? "You have come to the end" : "That was all. Thank you!";
    at("end-text").textContent = left
      ? left + (left === 1 ? " is" : " are") + " still open. You can go back, or save what you have."
      : "Save the file and send it to the person who gave you this page.";
    at("review").textContent = left ? "Go to the first open one" : "Look over my answers";
    at("save").disabled = answered() === 0;
    at("saved").textContent = "";
    show("end");
  }

  function review() {
    const open = screens.findIndex((of) => !complete(of));
    state.here = open < 0 ? 0 : open;
    keep();
    ask();
  }

  function begin(annotator) {
    state = { annotator, here: 0, done: {} };
    screens = screensFor(annotator);
    keep();
    ask();
  }

  // -- the file

  function fnv(text) {
    let hash = 0xcbf29ce484222325n;
    for (const byte of new TextEncoder().encode(text)) {
      hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
    }
    return hash;
  }

  function save() {
    if (since !== null) clock();
    keep();
    const answers = screens.filter(complete).map((of) => ({ question: of.question.id, ...entry(of) }));
    const said = { format: FORMAT, study: study.study, annotator: state.annotator, answers };
    const check = fnv(JSON.stringify(said)).toString(16).padStart(16, "0");
    const link = document.createElement("a");
    const file = new Blob([JSON.stringify({ ...said, check }) + "\n"], { type: "application/json" });
    link.href = URL.createObjectURL(file);
    link.download = "answers-" + study.study.slice(0, 6) + "-" + state.annotator + ".json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    at("saved").textContent = at("status").textContent = "Saved as " + link.download + ", where your browser puts downloads.";
  }

  // -- what is pressed

  at("start-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const code = at("code").value.trim();
    const fits = CODE.test(code);
    at("code-fault").textContent = fits ? "" : "A code has 3 to 20 letters (a to z) and digits, and nothing else.";
    at("code").setAttribute("aria-invalid", String(!fits));
    if (fits) begin(code);
    else at("code").focus();
  });
  at("next").addEventListener("click", () => go(1));
  at("back").addEventListener("click", () => go(-1));
  if (comparing) at("same").addEventListener("click", same);
  at("save").addEventListener("click", save);
  at("save-now").addEventListener("click", save);
  at("review").addEventListener("click", review);
  at("again").addEventListener("click", () => {
    if (!confirm("This forgets the answers kept in this browser. Have you saved the file?")) return;
    state = null;
    localStorage.removeItem(PLACE);
    at("code").value = "";
    show("intro");
  });

  document.addEventListener("visibilitychange", () => {
    if (at("task").hidden) return;
    if (document.hidden) {
      clock();
      since = null;
      keep();
    } else since = performance.now();
  });

  document.addEventListener("keydown", (event) => {
    if (at("task").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    const onCard = event.target.closest(".card") !== null;
    const onButton = event.target.closest("button") !== null;
    if (/^[1-9]$/.test(event.key)) toggle(Number(event.key) - 1);
    else if (event.key === "0") same();
    else if (event.key === "ArrowLeft") go(-1);
    else if (event.key === "ArrowRight" || (event.key === "Enter" && complete(screen()) && (onCard || !onButton))) {
      event.preventDefault();
      if (complete(screen())) go(1);
    }
  });

  state = kept();
  const count = screensFor("count").length;
  at("total").textContent = count + (comparing ? " pairs" : count === 1 ? " question" : " questions");
  if (state === null) show("intro");
  else {
    screens = screensFor(state.annotator);
    state.here = Math.min(Math.max(state.here, 0), screens.length);
    if (state.here === screens.length) finish();
    else ask();
  }
})();
