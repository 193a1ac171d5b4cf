// Texts in the chosen language. English texts are their own keys, as in the rest of Mimik.

let words = null;
const listeners = [];
const said = new WeakMap(); // element → what it says: {text, values}
const labelled = new WeakMap();

export async function speak(language) {
  const answer = await fetch(`/words/${language}.json`);
  if (!answer.ok) throw new Error(`no words in ${language}`);
  words = await answer.json();
  document.documentElement.lang = language;
  fill(document);
  for (const listener of listeners) listener();
}

/** Writes a text into an element and writes it anew after each change of the language.
 *
 * `text` is English with {places}, or a function that gives what to show; a value may be a function, too. */
export function say(element, text, values = {}) {
  said.set(element, { text, values });
  element.dataset.t = typeof text === "string" ? text : "";
  const shown = resolve({ text, values });
  if (element.textContent !== shown) element.textContent = shown;
  return element;
}

/** The same for what screen readers say of an element. */
export function label(element, text, values = {}) {
  labelled.set(element, { text, values });
  element.dataset.tLabel = typeof text === "string" ? text : "";
  element.setAttribute("aria-label", resolve({ text, values }));
  return element;
}

function resolve({ text, values }) {
  if (typeof text === "function") return text();
  const filled = Object.entries(values).map(([name, value]) => [name, typeof value === "function" ? value() : value]);
  return t(text, Object.fromEntries(filled));
}

/** Calls back after each change of the language. */
export function onLanguage(listener) {
  listeners.push(listener);
}

export function language() {
  return words.language;
}

/** The text in the chosen language, with its {places} filled. */
export function t(text, values = {}) {
  const translated = words.texts[text] ?? text;
  if (words.language !== "en" && !(text in words.texts)) lacking(text);
  return translated.replace(/\{(\w+)(?:[:!][^}]*)?\}/g, (place, name) => values[name] ?? place);
}

const lacked = new Set();

function lacking(text) {
  if (lacked.has(text)) return;
  lacked.add(text);
  console.warn(`no ${words.language} for: ${text}`);
}

/** Fills the marked elements of a part: of the page, or of what was just made from a template. */
export function fill(part) {
  for (const element of part.querySelectorAll("[data-t]"))
    element.textContent = resolve(said.get(element) ?? { text: element.dataset.t, values: {} });
  for (const element of part.querySelectorAll("[data-t-label]"))
    element.setAttribute("aria-label", resolve(labelled.get(element) ?? { text: element.dataset.tLabel, values: {} }));
}

export function emotions() {
  return words.emotions;
}

export function emotion(key) {
  return words.emotions.find((one) => one.key === key);
}

export function stateName(key) {
  return words.states[key] ?? key;
}

export function reasonName(key) {
  return words.reasons[key] ?? key;
}

export function lower(text) {
  return text.toLocaleLowerCase(words.language);
}

export function capital(text) {
  return text.charAt(0).toLocaleUpperCase(words.language) + text.slice(1);
}

export function percent(share, digits = 0) {
  return new Intl.NumberFormat(words.language, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(share);
}

export function decimal(value, digits = 0, signDisplay = "auto") {
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay };
  return new Intl.NumberFormat(words.language, format).format(value).replace("-", "−");
}

/** Seconds as 4:05 or 1:04:05. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value) => String(value).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Seconds of "75", "1:15" or "0:01:15.5"; NaN where it is none of these. */
export function parseClock(text) {
  const parts = text.trim().replace(",", ".").split(":");
  if (parts.length > 3 || parts.some((part) => !/^\d+(\.\d+)?$/.test(part))) return NaN;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** A length of time in words: 45 s, 12 min, 1 h 5 min. */
export function duration(seconds) {
  const unit = (value, name) =>
    new Intl.NumberFormat(words.language, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: 0 }).format(value);
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return unit(whole, "second");
  if (whole < 600) return unit(Math.floor(whole / 60), "minute") + (whole % 60 ? ` ${unit(whole % 60, "second")}` : "");
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return unit(minutes, "minute");
  const rest = minutes % 60;
  return unit(Math.floor(minutes / 60), "hour") + (rest ? ` ${unit(rest, "minute")}` : "");
}

/** A date and time as the session's own clock showed them, whatever the reader's time zone. */
export function moment(iso) {
  const there = new Date(`${iso.slice(0, 19)}Z`);
  return new Intl.DateTimeFormat(words.language === "en" ? "en-GB" : words.language, {
    dateStyle: "medium",
    timeStyle: "short",
    timeZone: "UTC",
  }).format(there);
}

export function bytes(count) {
  const names = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const power = Math.min(names.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(count, 1)) / 3)));
  return new Intl.NumberFormat(words.language, {
    style: "unit",
    unit: names[power],
    unitDisplay: "short",
    maximumFractionDigits: power ? 1 : 0,
  }).format(count / 1000 ** power);
}
