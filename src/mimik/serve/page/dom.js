// Making parts of the page; never from text that could hold markup.
import { label, say } from "./words.js";

/** An element with children. Of its properties, `t` is a text to say (English), `values` fills its places, `label` is
 * for screen readers, `on` holds listeners; `class` and what has a hyphen are attributes, the rest are properties. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  const { t: text, values, label: named, on = {}, ...rest } = properties;
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined || value === null) continue;
    if (name === "class" || name === "role" || name === "for" || name === "list" || name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  if (text !== undefined) say(element, text, values);
  if (named !== undefined) label(element, named, values);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A checkbox that looks like a switch, with a text and a line that says what it means. */
export function toggle(text, means, checked, change = () => {}) {
  const box = make("input", { type: "checkbox", role: "switch", checked });
  box.addEventListener("change", () => change(box.checked));
  const words = make("span", { class: "switch-words" }, make("strong", { t: text }), means ? make("span", { t: means }) : null);
  const element = make("label", { class: "switch" }, box, make("span", { class: "switch-track", "aria-hidden": "true" }), words);
  return { element, box };
}

/** A labelled field; `help` is a line under it. */
export function field(text, input, help = null) {
  input.id ||= `field-${(field.count = (field.count ?? 0) + 1)}`;
  const under = help ? make("span", { class: "help", id: `${input.id}-help`, t: help }) : null;
  if (under) input.setAttribute("aria-describedby", under.id);
  return make("div", { class: "field" }, make("label", { for: input.id, t: text }), input, under);
}

/** Asks before something that cannot be undone; resolves to whether the person agreed. */
export function confirm({ title, text, values, agree, typed = null }) {
  const dialog = make("dialog", { class: "dialog" });
  const word = typed ? make("input", { type: "text", autocomplete: "off", spellcheck: false }) : null;
  const yes = make("button", { type: "submit", class: "danger", t: agree, disabled: typed !== null });
  const matches = () => word.value.trim().toLocaleLowerCase(document.documentElement.lang) === typed().toLocaleLowerCase(document.documentElement.lang);
  word?.addEventListener("input", () => (yes.disabled = !matches()));
  const form = make(
    "form",
    {},
    make("h2", { t: title, id: "confirm-title", values }),
    make("p", { t: text, values }),
    word ? field("To go on, type the words in bold", word) : null,
    word ? make("p", {}, make("strong", { t: typed })) : null,
    make("div", { class: "dialog-buttons" }, make("button", { type: "button", t: "Cancel", on: { click: () => dialog.close() } }), yes),
  );
  dialog.setAttribute("aria-labelledby", "confirm-title");
  dialog.append(form);
  document.body.append(dialog);
  return new Promise((done) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!yes.disabled) dialog.close("yes");
    });
    dialog.addEventListener("close", () => {
      done(dialog.returnValue === "yes");
      dialog.remove();
    });
    dialog.showModal();
  });
}
