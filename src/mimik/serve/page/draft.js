// What is asked before a session is recorded or a video analysed: title, purpose, consent, and the law where it bites.
import { ask, query } from "./api.js";
import { field, make, toggle } from "./dom.js";
import { say } from "./words.js";

/** Purposes in the order in which they are offered, with their English names. */
export const PURPOSES = {
  other: "Other",
  lesson: "Lesson",
  work: "Work",
  shop: "Shop",
  product: "Product",
  advertisement: "Advertisement",
  interview: "Interview",
  clinic: "Clinic",
  research: "Research",
};

const GROUNDED = ["lesson", "work", "shop"];
const RAW_DAYS = { 1: "1 day", 7: "7 days", 30: "30 days", 365: "1 year", "": "as long as the session" };
const KEEP_DAYS = { 1: "1 day", 7: "7 days", 30: "30 days", 90: "90 days", 365: "1 year", "": "until it is deleted" };

export function purposeOptions(select) {
  for (const [key, name] of Object.entries(PURPOSES)) select.append(make("option", { value: key, t: name }));
  return select;
}

/** "a, b" → ["a", "b"], each once. */
export function splitTags(text) {
  return [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];
}

function choice(values, chosen) {
  // Object keys of digits come first and in order, which is the order wanted here.
  const select = make("select", {});
  for (const [days, name] of Object.entries(values)) select.append(make("option", { value: days, t: name, selected: days === chosen }));
  return select;
}

export class DraftForm {
  #title = make("input", { type: "text", required: true, maxLength: 200, autocomplete: "off" });
  #purpose = purposeOptions(make("select", {}));
  #tags = make("input", { type: "text", autocomplete: "off", maxLength: 400 });
  #consent = make("textarea", { rows: 2, maxLength: 2000 });
  #ground = make("textarea", { rows: 2, maxLength: 2000 });
  #groundField = field("The legal ground, in your words", this.#ground, "It is kept with the session and printed in its report.");
  #legal = make("div", { class: "legal", role: "note", hidden: true });
  #raw = choice(RAW_DAYS, "30");
  #keep = choice(KEEP_DAYS, "");
  #aggregate;
  #clip;
  #touched = false; // whether the person has set the aggregate switch themself
  #asked = 0;

  /** `clips`: whether a blurred clip can be made; `titled`: whether a title must be given. */
  constructor({ clips = true, titled = true } = {}) {
    this.#aggregate = toggle("Only sums, nobody singled out", "No row about one person is ever written; reports then speak of the group alone.", false, () => (this.#touched = true));
    this.#clip = toggle("Keep a clip with blurred faces", "A small video to look things up in; faces are made unrecognisable before anything is written.", false);
    this.#title.required = titled;
    this.element = make(
      "div",
      { class: "draft" },
      field("Title", this.#title, titled ? null : "Empty: the name of the file."),
      field("Purpose", this.#purpose),
      this.#legal,
      this.#groundField,
      field("How people were told and agreed", this.#consent, "For example: everybody was told aloud and nodded; forms are signed."),
      field("Tags", this.#tags, "Short words to find it by, with commas between."),
      this.#aggregate.element,
      clips ? this.#clip.element : null,
      make(
        "details",
        {},
        make("summary", { t: "How long it is kept" }),
        field("Readings of every picture", this.#raw, "Sums by the second remain for the charts."),
        field("The session", this.#keep),
      ),
    );
    this.#groundField.hidden = true;
    this.#purpose.addEventListener("change", () => void this.#choose());
  }

  /** Empties the form but keeps what is alike from one session to the next. */
  renew() {
    this.#title.value = "";
    this.#title.focus();
  }

  focus() {
    this.#title.focus();
  }

  value() {
    const days = (select) => (select.value === "" ? null : Number(select.value));
    return {
      title: this.#title.value.trim(),
      purpose: this.#purpose.value,
      tags: splitTags(this.#tags.value),
      consent: this.#consent.value.trim(),
      ground: this.#groundField.hidden ? "" : this.#ground.value.trim(),
      aggregate_only: this.#aggregate.box.checked,
      raw_days: days(this.#raw),
      keep_days: days(this.#keep),
      clip: this.#clip.box.checked,
    };
  }

  async #choose() {
    const purpose = this.#purpose.value;
    const grounded = GROUNDED.includes(purpose);
    this.#groundField.hidden = this.#legal.hidden = !grounded;
    this.#ground.required = grounded;
    if (!this.#touched) this.#aggregate.box.checked = purpose === "lesson";
    if (!grounded) return;
    const mine = ++this.#asked;
    const heading = make("h3", { t: "Before you go on: the law" });
    try {
      const { paragraphs } = await ask(`/v1/legal${query({ purpose })}`);
      if (mine === this.#asked) this.#legal.replaceChildren(heading, ...paragraphs.map((text) => make("p", { t: text })));
    } catch {
      const rule = make("p", {});
      say(rule, "The EU AI Act, Art. 5(1)(f), forbids inferring emotions of people there, except for medical or safety reasons.");
      this.#legal.replaceChildren(heading, rule);
    }
  }
}
