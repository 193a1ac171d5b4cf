// The page: its five places, and what they share: language, theme, the address, the keys.
import { Analyse } from "./analyse.js";
import { loadPlotly } from "./chart.js";
import { Compare } from "./compare.js";
import { Live } from "./live.js";
import { recall, remember } from "./memory.js";
import { where } from "./router.js";
import { SessionPage } from "./session.js";
import { Sessions } from "./sessions.js";
import { Settings } from "./settings.js";
import { language, onLanguage, speak, t } from "./words.js";

const part = (id) => document.getElementById(id);
const root = document.documentElement;
const settings = await (await fetch("/settings.json")).json();
const TITLES = { live: "Live", analyse: "Analyse", sessions: "Sessions", session: "Session", compare: "Compare", settings: "Settings" };

const asked = new URLSearchParams(location.search).get("lang");
const wanted = [asked, recall("mimik-language"), root.lang].find((one) => one in settings.languages);
await speak(wanted ?? "en");

const plotly = () => loadPlotly(settings.plotly_styles);
const places = {
  live: new Live(settings),
  analyse: new Analyse(part("place-analyse")),
  sessions: new Sessions(part("place-sessions"), plotly),
  session: new SessionPage(part("place-session"), plotly, settings.models),
  compare: new Compare(part("place-compare"), plotly),
  settings: new Settings(part("place-settings"), settings, choose, setTheme),
};
let here = "live";

function visit(first = false) {
  const { place, id, query } = where();
  const next = place === "sessions" && id ? "session" : place;
  if (next !== here) places[here].hide();
  here = document.body.dataset.place = next;
  for (const name of Object.keys(places)) part(`place-${name}`).hidden = name !== next;
  for (const link of document.querySelectorAll(".places a"))
    link.dataset.place === place ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  entitle();
  if (!first) {
    scrollTo(0, 0);
    (part(`place-${next}`).querySelector("h1[tabindex]") ?? part("main")).focus({ preventScroll: true });
  }
  void places[next].show(id, query);
}

function entitle() {
  document.title = here === "live" ? "Mimik" : `${t(TITLES[here])} · Mimik`;
}

async function choose(next) {
  remember("mimik-language", next);
  await speak(next);
}

function setTheme(theme) {
  root.dataset.theme = theme;
  remember("mimik-theme", theme);
  showTheme();
  redraw();
}

function showTheme() {
  part("theme").setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
}

/** What the server drew has its own language and colours. */
function redraw() {
  places[here].redraw?.();
}

function write() {
  for (const button of part("languages").children) button.setAttribute("aria-pressed", String(button.lang === language()));
  places.live.write();
  entitle();
}

/** Keys mean nothing where people type, and in a dialog. */
function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (document.querySelector("dialog[open]") || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
  if (event.key === "l" || event.key === "L") {
    const keys = Object.keys(settings.languages);
    void choose(keys[(keys.indexOf(language()) + 1) % keys.length]);
  } else if (here === "live" && places.live.key(event)) event.preventDefault();
}

for (const [key, name] of Object.entries(settings.languages)) {
  const button = document.createElement("button");
  button.type = "button";
  button.lang = key;
  button.title = name;
  button.textContent = key.toUpperCase();
  button.setAttribute("aria-label", name);
  button.addEventListener("click", () => void choose(key));
  part("languages").append(button);
}
part("theme").addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
part("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the place, and the place stays
  part("main").focus();
});
addEventListener("hashchange", () => visit());
addEventListener("keydown", key);
onLanguage(() => {
  write();
  redraw();
});
showTheme();
write();
visit(true);
root.classList.add("spoken");
// Plotly is large; it is read while the visitor reads, so that the picture does not stutter later.
(globalThis.requestIdleCallback ?? setTimeout)(() => void plotly());
