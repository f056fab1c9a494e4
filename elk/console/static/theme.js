// Sets the colours before anything is drawn, and lets readers change them: system, light, dark.
"use strict";

(() => {
  const SYSTEM = matchMedia("(prefers-color-scheme: dark)");
  const SIGNS = { system: "◐", light: "☀", dark: "☾" };
  const WORDS = {
    system: "as the system has them",
    light: "light",
    dark: "dark",
  };
  const root = document.documentElement;

  const kept = () => {
    try {
      const found = localStorage.getItem("theme");
      return found in SIGNS ? found : "system";
    } catch {
      return "system"; // a browser that keeps nothing
    }
  };

  const apply = (theme) => {
    root.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) {
      button.textContent = SIGNS[theme];
      button.setAttribute("aria-label", `Colours: ${WORDS[theme]}`);
      button.title = `Colours: ${WORDS[theme]}`;
    }
    document.dispatchEvent(new Event("theme"));
  };

  apply(kept());
  SYSTEM.addEventListener("change", () => apply(kept()));
  document.addEventListener("DOMContentLoaded", () => {
    apply(kept());
    document.getElementById("theme")?.addEventListener("click", () => {
      // The first click must be seen.
      const order = ["system", ...(SYSTEM.matches ? ["light", "dark"] : ["dark", "light"])];
      const next = order[(order.indexOf(root.dataset.theme) + 1) % order.length];
      try {
        localStorage.setItem("theme", next);
      } catch {
        // It holds for this page.
      }
      apply(next);
    });
  });
})();
