// The list of sessions: searched as one types, filtered by purpose and tag; and mood by hour and weekday over them.
import { ask, query, tellTrouble } from "./api.js";
import { field, make } from "./dom.js";
import { PURPOSES, purposeOptions } from "./draft.js";
import { Figures, showWarnings } from "./figures.js";
import { decimal, duration, language, moment, say } from "./words.js";

const TYPE_MS = 200;
const LIVE_MS = 5000;

/** What a state says besides the rest, where it is not the usual one. */
export const STATES = { recording: "being recorded", paused: "recording paused", interrupted: "interrupted: what was saved is whole" };

export class Sessions {
  #search = make("input", { type: "search", autocomplete: "off", spellcheck: false });
  #purpose = make("select", {}, make("option", { value: "", t: "Every purpose" }));
  #tag = make("select", {}, make("option", { value: "", t: "Every tag" }));
  #count = make("p", { class: "help", role: "status" });
  #list = make("ul", { class: "session-list" });
  #empty = make("div", { class: "empty", hidden: true });
  #trouble = make("p", { class: "trouble", role: "alert", hidden: true });
  #hoursButton = make("button", { type: "button", "aria-expanded": "false", "aria-controls": "hours", t: "Mood by hour and weekday" });
  #hours = make("section", { id: "hours", class: "card-box", hidden: true });
  #nothing = make("p", { class: "help", hidden: true, t: "Nothing was read in these sessions yet." });
  #warnings = make("div", { class: "warnings", hidden: true });
  #figures;
  #turn = 0;
  #timer = 0;

  constructor(place, load) {
    purposeOptions(this.#purpose);
    const drawn = make("div", {});
    this.#figures = new Figures(drawn, load);
    this.#hours.append(make("h2", { t: "Mood by hour and weekday" }), make("p", { class: "help", t: "Over the sessions in the list below, in the time of the place of recording." }), this.#warnings, this.#nothing, drawn);
    place.append(
      make("h1", { t: "Sessions", tabIndex: -1 }),
      make("div", { class: "filters" }, field("Search", this.#search), field("Purpose", this.#purpose), field("Tag", this.#tag), this.#hoursButton),
      this.#trouble,
      this.#hours,
      this.#count,
      this.#empty,
      this.#list,
    );
    this.#search.addEventListener("input", () => this.#soon());
    for (const select of [this.#purpose, this.#tag]) select.addEventListener("change", () => void this.refresh());
    this.#hoursButton.addEventListener("click", () => {
      this.#hours.hidden = !this.#hours.hidden;
      this.#hoursButton.setAttribute("aria-expanded", String(!this.#hours.hidden));
      void this.#showHours();
    });
  }

  show() {
    void this.refresh();
  }

  hide() {
    clearTimeout(this.#timer);
  }

  /** The language or the theme has changed. */
  redraw() {
    void this.#showHours();
  }

  #soon(after = TYPE_MS) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), after);
  }

  get #chosen() {
    return { search: this.#search.value.trim(), purpose: this.#purpose.value, tag: this.#tag.value };
  }

  async refresh() {
    const turn = ++this.#turn;
    clearTimeout(this.#timer);
    let sessions;
    try {
      ({ sessions } = await ask(`/v1/sessions${query(this.#chosen)}`));
      if (turn !== this.#turn) return;
      tellTrouble(this.#trouble, null);
    } catch (error) {
      if (turn === this.#turn) tellTrouble(this.#trouble, error);
      return;
    }
    this.#offerTags(sessions);
    this.#list.replaceChildren(...sessions.map(sessionRow));
    const filtered = Object.values(this.#chosen).some(Boolean);
    this.#count.hidden = sessions.length === 0;
    say(this.#count, sessions.length === 1 ? "1 session" : "{count} sessions", { count: () => decimal(sessions.length) });
    this.#empty.hidden = sessions.length > 0;
    this.#hoursButton.hidden = sessions.length === 0;
    if (!sessions.length) {
      this.#hours.hidden = true;
      this.#hoursButton.setAttribute("aria-expanded", "false");
      this.#empty.replaceChildren(...(filtered ? this.#nothingFound() : nothingYet()));
    }
    void this.#showHours();
    if (sessions.some(({ state }) => state === "recording" || state === "paused")) this.#soon(LIVE_MS);
  }

  /** Tags seen so far; the chosen one stays, whatever the list shows. */
  #offerTags(sessions) {
    const there = new Set([...this.#tag.options].map(({ value }) => value));
    for (const tag of [...new Set(sessions.flatMap(({ tags }) => tags))].sort((a, b) => a.localeCompare(b, language())))
      if (!there.has(tag)) this.#tag.append(make("option", { value: tag }, tag));
  }

  #nothingFound() {
    const clear = () => {
      this.#search.value = this.#purpose.value = this.#tag.value = "";
      void this.refresh();
      this.#search.focus();
    };
    return [make("p", { t: "No session fits what you search for." }), make("button", { type: "button", t: "Show all sessions", on: { click: clear } })];
  }

  async #showHours() {
    if (this.#hours.hidden) return;
    const theme = document.documentElement.dataset.theme;
    try {
      const answer = await ask(`/v1/hours${query({ ...this.#chosen, lang: language(), theme })}`);
      showWarnings(this.#warnings, answer.warnings);
      this.#nothing.hidden = answer.figures.length > 0;
      await this.#figures.show(answer.figures);
    } catch (error) {
      tellTrouble(this.#trouble, error);
    }
  }
}

function nothingYet() {
  return [
    make("p", {}, make("strong", { t: "No sessions yet." })),
    make("p", { t: "Record what the camera sees, or let a video be read; each becomes a session with figures and a report." }),
    make("p", { class: "row" }, make("a", { class: "button primary", href: "#/live", t: "Record live" }), make("a", { class: "button", href: "#/analyse", t: "Analyse a video" })),
  ];
}

/** Purpose, length, people and the like, as parts of a line. */
export function facts(session) {
  return [
    make("span", { t: () => moment(session.started_at) }),
    make("span", { t: PURPOSES[session.purpose] ?? session.purpose }),
    make("span", { t: () => duration(session.duration_s) }),
    session.aggregate_only
      ? make("span", { t: "sums only" })
      : make("span", { t: session.people === 1 ? "1 person" : "{count} people", values: { count: () => decimal(session.people) } }),
    session.state in STATES ? make("span", { class: `chip ${session.state}`, t: STATES[session.state] }) : null,
  ].filter(Boolean);
}

export function tagChips(tags) {
  return tags.map((tag) => make("span", { class: "chip" }, tag));
}

function sessionRow(session) {
  const title = make("a", { class: "session-title", href: `#/sessions/${session.id}` }, session.title);
  return make("li", { class: "session-row" }, title, make("p", { class: "facts-line" }, ...facts(session)), session.tags.length ? make("p", { class: "chips" }, ...tagChips(session.tags)) : null);
}
