// Runs before the first paint, so that a dark page does not flash white.
"use strict";
{
  let chosen = null;
  try {
    chosen = localStorage.getItem("mimik-theme");
  } catch {
    // Storage may be forbidden; the system's theme is used then.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = chosen ?? (dark ? "dark" : "light");
}
