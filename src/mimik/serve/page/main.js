// The page: its five places, and what they share: language, theme, the address, the keys.
import { Analyse } from "./analyse.js";
import { onRefused } from "./api.js";
import { loadPlotly } from "./chart.js";
import { Compare } from "./compare.js";
import { make } from "./dom.js";
import { placeAll } from "./elsewhere.js";
import { Live } from "./live.js";
import { SCOPES, Login } from "./login.js";
import { recall, remember } from "./memory.js";
import { where } from "./router.js";
import { SessionPage } from "./session.js";
import { Sessions } from "./sessions.js";
import { Settings } from "./settings.js";
import { language, onLanguage, speak, t } from "./words.js";

const part = (id) => document.getElementById(id);
const root = document.documentElement;
const settings = await (await fetch("/settings.json")).json();
const TITLES = { live: "Live", analyse: "Analyse", sessions: "Sessions", session: "Session", compare: "Compare", settings: "Settings", login: "Log in" };
/** What a key must allow for a place to be of use. */
const NEEDS = { live: "live", analyse: "sessions", sessions: "sessions", session: "sessions", compare: "sessions" };

const asked = new URLSearchParams(location.search).get("lang");
const wanted = [asked, recall("mimik-language"), root.lang].find((one) => one in settings.languages);
placeAll();
await speak(wanted ?? "en");

const plotly = () => loadPlotly(settings.plotly_styles);
const places = {
  live: new Live(settings),
  analyse: new Analyse(part("place-analyse")),
  sessions: new Sessions(part("place-sessions"), plotly),
  session: new SessionPage(part("place-session"), plotly, settings.models),
  compare: new Compare(part("place-compare"), plotly),
  settings: new Settings(part("place-settings"), settings, choose, setTheme, leave),
  login: new Login(part("place-login"), enter),
  lacking: { show: lack, hide() {} },
};
let here = "live";

function visit(first = false) {
  const { place, id, query } = where();
  const wanted = place === "sessions" && id ? "session" : place;
  const next = locked() ? "login" : lacks(wanted) ? "lacking" : wanted;
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

/** Whether the server wants a key that this page has not shown. */
function locked() {
  return settings.login_needed && !settings.logged_in;
}

/** What the page's key would have to allow besides for a place, or null. */
function lacks(place) {
  const need = settings.login_needed ? NEEDS[place] : undefined;
  return need === undefined || settings.logged_in.scopes.includes(need) ? null : need;
}

function lack() {
  const { place } = where();
  const need = lacks(place);
  const title = make("h1", { t: TITLES[place], tabIndex: -1 });
  part("place-lacking").replaceChildren(
    title,
    make("p", { class: "empty", t: "The key “{name}” does not allow this place: it would need “{scope}” ({meaning}). Whoever runs this server can make such a key; log out under Settings to use another.", values: { name: settings.logged_in.name, scope: need, meaning: () => t(SCOPES[need]) } }),
  );
  title.focus({ preventScroll: true });
}

/** The page was let in, or out: the server says what it may do now. */
async function enter() {
  Object.assign(settings, await (await fetch("/settings.json")).json());
  visit();
}

async function leave() {
  await enter();
  places.login.explain(null);
}

/** Everything stays as it is behind the door: a camera that runs, a recording, what was typed. */
function refuse() {
  if (locked()) return;
  settings.login_needed = true;
  settings.logged_in = null;
  visit();
  places.login.explain("This page is logged out: its key was revoked or has run out, somebody logged out, it was left alone for long, or the server was started again. Log in to go on where you were.");
}

function entitle() {
  const title = here === "lacking" ? TITLES[where().place] : TITLES[here];
  document.title = here === "live" ? "Mimik" : `${t(title)} · Mimik`;
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
onRefused(refuse);
addEventListener("hashchange", () => visit());
addEventListener("keydown", key);
onLanguage(() => {
  write();
  redraw();
});
showTheme();
write();
root.classList.add("spoken"); // what is not seen cannot be focused
visit(true);
// Plotly is large; it is read while the visitor reads, so that the picture does not stutter later.
(globalThis.requestIdleCallback ?? setTimeout)(() => locked() || void plotly());
