// Light, dark, or as the system has it. Runs before the first paint, so that nothing flashes.
(() => {
  const THEMES = ["system", "light", "dark"];
  const root = document.documentElement;
  // Storage may be refused, from disk for one: the choice then lasts for the page.
  const kept = () => { try { return localStorage.getItem("steerbench-theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("steerbench-theme", theme); } catch { /* for this page only */ } };
  let theme = THEMES.includes(kept()) ? kept() : "system";
  const show = () => { if (theme === "system") delete root.dataset.theme; else root.dataset.theme = theme; };
  show();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const say = () => { button.textContent = theme; button.ariaLabel = `Theme: ${theme}`; };
    button.hidden = false;
    button.addEventListener("click", () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      keep(theme);
      show();
      say();
    });
    say();
  });
})();
