// The markers of a session: gone to, added, changed, deleted, taken from a CSV file.
import { Trouble, act, ask } from "./api.js";
import { confirm, field, make } from "./dom.js";
import { clock, parseClock } from "./words.js";

const KINDS = { point: "Marker", baseline: "Rest", pause: "Paused", lost: "Not saved" };

export class Markers {
  #session = "";
  #now;
  #goTo;
  #changed;
  #list = make("ol", { class: "marker-list" });
  #trouble = make("p", { class: "trouble", role: "alert", hidden: true });
  #time = make("input", { type: "text", size: 7, inputMode: "decimal", autocomplete: "off" });
  #label = make("input", { type: "text", maxLength: 200, autocomplete: "off" });

  /** `now` gives the cursor's time, `goTo` moves it, `changed` is called after each change. */
  constructor(now, goTo, changed) {
    this.#now = now;
    this.#goTo = goTo;
    this.#changed = changed;
    const add = make("button", { type: "submit", t: "Add marker" });
    const form = make("form", { class: "marker-form" }, field("When", this.#time), field("Name", this.#label), add);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void act(add, this.#trouble, () => this.#add());
    });
    const file = make("input", { type: "file", accept: ".csv,text/csv,text/plain", class: "unseen", id: "marker-csv" });
    file.addEventListener("change", () => void act(add, this.#trouble, () => this.#take(file)));
    this.element = make(
      "section",
      { class: "markers", "aria-labelledby": "markers-title" },
      make("h3", { t: "Markers", id: "markers-title" }),
      this.#list,
      form,
      make("div", { class: "row" }, file, make("label", { for: "marker-csv", class: "button", t: "Load markers from CSV…" })),
      make("p", { class: "help", t: "CSV: a line of heads, then a time and a label in each line, such as 75 or 1:15." }),
      this.#trouble,
    );
  }

  /** The moment that a new marker would have. */
  at(time) {
    if (document.activeElement !== this.#time) this.#time.value = clock(time);
  }

  show(session, markers) {
    this.#session = session;
    this.#list.replaceChildren(
      ...(markers.length ? markers.map((marker) => this.#row(marker)) : [make("li", { class: "help", t: "No markers yet. Set one at the cursor, or load a list." })]),
    );
  }

  #row(marker) {
    const go = make("button", { type: "button", class: "link", t: () => clock(marker.time_s), on: { click: () => this.#goTo(marker.time_s) } });
    const name = make("span", { class: "marker-name" });
    name.textContent = marker.label;
    const kind = marker.kind === "point" ? null : make("span", { class: `chip ${marker.kind}`, t: KINDS[marker.kind] ?? marker.kind });
    const until = marker.end_s === null ? null : make("span", { class: "help", t: "until {time}", values: { time: clock(marker.end_s) } });
    const edit = make("button", { type: "button", class: "small", t: "Change" });
    const remove = make("button", { type: "button", class: "small", t: "Delete" });
    const row = make("li", {}, go, name, kind, until, make("span", { class: "marker-buttons" }, edit, remove));
    edit.addEventListener("click", () => this.#edit(row, marker));
    remove.addEventListener("click", async () => {
      const agreed = await confirm({ title: "Delete this marker?", text: "“{label}” at {time} is gone then. The readings stay.", values: { label: marker.label, time: clock(marker.time_s) }, agree: "Delete" });
      if (agreed)
        await act(remove, this.#trouble, async () => {
          await ask(this.#path(marker.id), { method: "DELETE" });
          await this.#changed();
        });
    });
    return row;
  }

  #edit(row, marker) {
    const time = make("input", { type: "text", size: 7, value: clock(marker.time_s) });
    const label = make("input", { type: "text", maxLength: 200, value: marker.label });
    const save = make("button", { type: "submit", class: "small", t: "Save" });
    const back = make("button", { type: "button", class: "small", t: "Cancel", on: { click: () => row.replaceWith(this.#row(marker)) } });
    const form = make("form", { class: "marker-form" }, field("When", time), field("Name", label), save, back);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void act(save, this.#trouble, async () => {
        const wanted = this.#seconds(time);
        const change = { label: label.value.trim() };
        if (clock(marker.time_s) !== time.value.trim()) change.time_s = wanted; // else its fraction of a second stays
        await ask(this.#path(marker.id), { method: "PATCH", body: change });
        await this.#changed();
      });
    });
    row.replaceChildren(form);
    label.focus();
  }

  async #add() {
    const time = this.#time.value.trim() === "" ? this.#now() : this.#seconds(this.#time);
    await ask(this.#path(), { method: "POST", body: { time_s: time, label: this.#label.value.trim(), kind: "point", end_s: null } });
    this.#label.value = "";
    await this.#changed();
  }

  async #take(file) {
    const [csv] = file.files;
    if (!csv) return;
    const text = await csv.text();
    file.value = "";
    await ask(`/v1/sessions/${this.#session}/markers.csv`, { method: "POST", body: text, type: "text/csv" });
    await this.#changed();
  }

  #seconds(input) {
    const seconds = parseClock(input.value);
    if (Number.isNaN(seconds)) {
      input.focus();
      throw new Trouble("That is not a time. Nothing was changed. Write seconds, or minutes:seconds such as 1:15.");
    }
    return seconds;
  }

  #path(marker = null) {
    return `/v1/sessions/${this.#session}/markers${marker === null ? "" : `/${marker}`}`;
  }
}
