// The page: one state (body data-state: consent, starting, live, paused, stopped) and what leads from one to another.
import { VisitorCamera, cameraTrouble } from "./camera.js";
import { loadPlotly } from "./chart.js";
import { Overlay } from "./overlay.js";
import { People } from "./people.js";
import { ServerSource } from "./source.js";
import { decimal, language, onLanguage, speak, t } from "./words.js";

const part = (id) => document.getElementById(id);
const settings = await (await fetch("/settings.json")).json();
const overlay = new Overlay(part("overlay"));
const people = new People(part("cards"), part("nobody"), part("announcer"));

let feed = null;
let message = null; // what the panel says above its button: {title, text, values} in English
let notice = null;
let noticeTimer = 0;

const state = () => document.body.dataset.state;

function enter(next) {
  const before = state();
  document.body.dataset.state = next;
  const live = next === "live" || next === "paused" || next === "starting";
  part("panel").hidden = live;
  part("live").hidden = !live;
  part("people").hidden = !live;
  part("facts").hidden = part("agree").hidden = part("welcome").hidden = next === "stopped";
  write();
  if (live && before !== "live" && before !== "paused" && before !== "starting") part("pause").focus({ preventScroll: true });
  if (next === "stopped") part("start").focus({ preventScroll: true });
}

function write() {
  const camera = settings.mode === "camera";
  part("start").textContent = state() === "stopped" ? t("Start again") : camera ? t("Start camera") : t("Start");
  part("pause").textContent = state() === "paused" ? t("Resume") : t("Pause");
  part("stored-text").textContent = settings.recorded ? t("Being recorded") : t("Nothing is stored");
  part("stored").classList.toggle("recorded", settings.recorded);
  part("fact-recorded").hidden = !settings.recorded;
  part("fact-unstored").hidden = settings.recorded;
  part("message").hidden = message === null;
  if (message !== null) {
    part("message-title").textContent = t(message.title);
    part("message-text").textContent = t(message.text, message.values);
  }
  part("banner").hidden = notice === null;
  if (notice !== null) part("banner").textContent = t(notice.text, notice.values);
  for (const button of part("languages").children)
    button.setAttribute("aria-pressed", String(button.lang === language()));
  writeFigures();
}

function writeFigures() {
  if (feed === null || state() === "starting") {
    part("figures").textContent = "";
    return;
  }
  const { shown, read, p50, p95, dropped } = feed.statistics();
  part("figures").textContent = t("{shown} fps shown, {read} read · latency {p50} ms, p95 {p95} ms · {dropped} dropped", {
    shown: decimal(shown),
    read: decimal(read),
    p50: decimal(p50),
    p95: decimal(p95),
    dropped: decimal(dropped),
  });
}

function tell(text, values = {}) {
  notice = { text, values };
  write();
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => {
    notice = null;
    write();
  }, 8000);
}

function size(width, height) {
  part("screen").style.aspectRatio = `${width} / ${height}`;
  part("screen").style.setProperty("--ratio", width / height);
  part("waiting").hidden = true;
}

const told = {
  size,
  result(result) {
    if (state() !== "live") return;
    overlay.update(result);
    people.update(result);
  },
  notice: tell,
  trouble(title, text, values) {
    finish({ title, text, values });
  },
  ended() {
    finish({ title: "The end", text: "The source has come to its end." });
  },
};

async function start() {
  if (feed !== null) return;
  message = notice = null;
  void loadPlotly(settings.plotly_styles); // unless it is there already
  const camera = settings.mode === "camera";
  part("video").hidden = !camera;
  part("picture").hidden = camera;
  part("waiting").hidden = false;
  const mine = camera ? new VisitorCamera(part("video"), settings.max_side, told) : new ServerSource(part("picture"), told);
  feed = mine;
  enter("starting");
  try {
    await mine.start();
  } catch (error) {
    if (feed === mine) {
      const [title, text] = cameraTrouble(error);
      finish({ title, text });
    }
    return;
  }
  if (feed !== mine) {
    mine.stop();
    return;
  }
  overlay.mirrored = mine.mirrored;
  part("video").classList.toggle("mirrored", mine.mirrored);
  enter("live");
}

function finish(said) {
  feed?.stop();
  feed = null;
  overlay.clear();
  people.clear();
  message = said;
  notice = null;
  enter("stopped");
}

function stop() {
  if (feed === null) return;
  const camera = "The camera is off for this page, and nothing was kept.";
  const source = "The source is closed for this page, and nothing was kept.";
  const recorded = "The readings so far are in the recording.";
  finish({ title: "Stopped", text: settings.recorded ? recorded : settings.mode === "camera" ? camera : source });
}

function pause() {
  if (state() !== "live" && state() !== "paused") return;
  const paused = state() === "live";
  feed.pause(paused);
  enter(paused ? "paused" : "live");
}

async function choose(next) {
  remember("mimik-language", next);
  await speak(next);
}

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function setUp() {
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
  const root = document.documentElement;
  const showTheme = () => part("theme").setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
  part("theme").addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    remember("mimik-theme", root.dataset.theme);
    showTheme();
  });
  showTheme();
  part("start").addEventListener("click", () => void start());
  part("pause").addEventListener("click", pause);
  part("stop").addEventListener("click", stop);
  part("video").addEventListener("resize", () => size(part("video").videoWidth, part("video").videoHeight));
  addEventListener("pagehide", () => feed?.stop());
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.key === "Escape") stop();
    else if (event.key === "l" || event.key === "L") {
      const keys = Object.keys(settings.languages);
      void choose(keys[(keys.indexOf(language()) + 1) % keys.length]);
    } else if (event.key === " " && !event.target.closest("button, a")) {
      event.preventDefault();
      pause();
    }
  });
  setInterval(writeFigures, 1000);
  onLanguage(() => {
    write();
    people.redraw();
  });
}

setUp();
const asked = new URLSearchParams(location.search).get("lang");
const wanted = [asked, recall("mimik-language"), document.documentElement.lang].find((one) => one in settings.languages);
await speak(wanted ?? "en");
enter("consent");
document.documentElement.classList.add("spoken");
// Plotly is large; it is read while the visitor reads, so that the picture does not stutter later.
(globalThis.requestIdleCallback ?? setTimeout)(() => void loadPlotly(settings.plotly_styles));
