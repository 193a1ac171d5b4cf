// Texts in the chosen language. English texts are their own keys, as in the rest of Mimik.

let words = null;
const listeners = [];

export async function speak(language) {
  const answer = await fetch(`/words/${language}.json`);
  if (!answer.ok) throw new Error(`no words in ${language}`);
  words = await answer.json();
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]"))
    element.setAttribute("aria-label", t(element.dataset.tLabel));
  for (const listener of listeners) listener();
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
  return translated.replace(/\{(\w+)(?:[:!][^}]*)?\}/g, (place, name) => values[name] ?? place);
}

/** Fills the marked elements of a part that was just made from a template. */
export function fill(part) {
  for (const element of part.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
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

export function percent(share) {
  return new Intl.NumberFormat(words.language, { style: "percent" }).format(share);
}

export function decimal(value, digits = 0, signDisplay = "auto") {
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay };
  return new Intl.NumberFormat(words.language, format).format(value).replace("-", "−");
}
