// Two sides of sessions against each other: chosen from the list, told in a sentence, with intervals and warnings.
import { act, ask, download, query, tellTrouble } from "./api.js";
import { make } from "./dom.js";
import { Figures, showFindings, showWarnings } from "./figures.js";
import { replace } from "./router.js";
import { facts } from "./sessions.js";
import { decimal, language, say } from "./words.js";

const SIDES = ["a", "b"];

export class Compare {
  #sides = { a: new Set(), b: new Set() };
  #sessions = [];
  #turn = 0;
  #list = make("ul", { class: "pick-list" });
  #empty = make("div", { class: "empty", hidden: true });
  #search = make("input", { type: "search", autocomplete: "off", id: "compare-search" });
  #counts = { a: make("strong", {}), b: make("strong", {}) };
  #go = make("button", { type: "button", class: "primary", t: "Compare" });
  #hint = make("p", { class: "help", role: "status" });
  #trouble = make("p", { class: "trouble", role: "alert", hidden: true });
  #result = make("section", { class: "card-box", "aria-labelledby": "result-title", hidden: true });
  #findings = make("ul", { class: "findings" });
  #warnings = make("div", { class: "warnings", role: "note", hidden: true });
  #drawn = make("div", {});
  #figures;

  constructor(place, load) {
    this.#figures = new Figures(this.#drawn, load);
    const report = (kind, text) => {
      const button = make("button", { type: "button", t: text });
      button.addEventListener("click", () => void act(button, this.#trouble, () => download(`/v1/compare/report.${kind}${query({ ...this.#asked, lang: language() })}`, `mimik-comparison.${kind}`)));
      return button;
    };
    this.#result.append(
      make("div", { class: "row spread" }, make("h2", { t: "The difference", id: "result-title", tabIndex: -1 }), make("div", { class: "row" }, report("html", "Report (HTML)"), report("pdf", "Report (PDF)"))),
      this.#warnings,
      this.#findings,
      this.#drawn,
    );
    this.#search.addEventListener("input", () => this.#offer());
    this.#go.addEventListener("click", () => void act(this.#go, this.#trouble, () => this.#compare(true)));
    place.append(
      make("h1", { t: "Compare", tabIndex: -1 }),
      make("p", { class: "lead", t: "Put sessions on side A and on side B: two advertisements, two classes, before and after." }),
      this.#empty,
      make(
        "div",
        { class: "card-box pick" },
        make("div", { class: "field" }, make("label", { for: "compare-search", t: "Search" }), this.#search),
        this.#list,
        make("div", { class: "row spread" }, make("p", { class: "sides" }, make("span", { class: "side-a" }, "A", this.#counts.a), make("span", { class: "side-b" }, "B", this.#counts.b)), this.#go),
        this.#hint,
      ),
      this.#trouble,
      this.#result,
    );
  }

  async show(_id, asked) {
    for (const side of SIDES) this.#sides[side] = new Set((asked.get(side) ?? "").split(",").filter(Boolean));
    try {
      ({ sessions: this.#sessions } = await ask("/v1/sessions"));
      tellTrouble(this.#trouble, null);
    } catch (error) {
      tellTrouble(this.#trouble, error);
      return;
    }
    const known = new Set(this.#sessions.map(({ id }) => id));
    for (const side of SIDES) for (const id of this.#sides[side]) if (!known.has(id)) this.#sides[side].delete(id);
    this.#offer();
    this.#result.hidden = true;
    if (this.#ready) await act(this.#go, this.#trouble, () => this.#compare(false));
  }

  hide() {
    this.#turn += 1;
  }

  redraw() {
    if (!this.#result.hidden) void act(this.#go, this.#trouble, () => this.#compare(false));
  }

  get #ready() {
    return this.#sides.a.size > 0 && this.#sides.b.size > 0;
  }

  get #asked() {
    return Object.fromEntries(SIDES.map((side) => [side, [...this.#sides[side]].join(",")]));
  }

  #offer() {
    const wanted = this.#search.value.trim().toLocaleLowerCase(language());
    const fits = ({ title, tags }) => !wanted || [title, ...tags].some((text) => text.toLocaleLowerCase(language()).includes(wanted));
    this.#empty.hidden = this.#sessions.length >= 2;
    this.#list.parentElement.hidden = this.#sessions.length < 2;
    if (this.#sessions.length < 2)
      this.#empty.replaceChildren(
        make("p", {}, make("strong", { t: "There are not two sessions to compare yet." })),
        make("p", { t: "Record two, or let two videos be read, and come back." }),
        make("p", { class: "row" }, make("a", { class: "button primary", href: "#/live", t: "Record live" }), make("a", { class: "button", href: "#/analyse", t: "Analyse a video" })),
      );
    const rows = this.#sessions.filter(fits).map((session) => this.#row(session));
    this.#list.replaceChildren(...(rows.length ? rows : [make("li", { class: "help", t: "No session fits what you search for." })]));
    this.#count();
  }

  #row(session) {
    const buttons = SIDES.map((side) => {
      const button = make("button", { type: "button", class: `side side-${side}`, "aria-pressed": String(this.#sides[side].has(session.id)), label: "{title}: side {side}", values: { title: session.title, side: side.toUpperCase() } }, side.toUpperCase());
      button.addEventListener("click", () => this.#choose(session.id, side, buttons));
      return button;
    });
    return make("li", {}, make("div", {}, make("strong", {}, session.title), make("p", { class: "facts-line" }, ...facts(session))), make("div", { class: "row" }, ...buttons));
  }

  /** On one side, or on none; never on both. */
  #choose(id, side, buttons) {
    const on = !this.#sides[side].has(id);
    for (const each of SIDES) this.#sides[each].delete(id);
    if (on) this.#sides[side].add(id);
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(this.#sides[SIDES[i]].has(id))));
    this.#count();
  }

  #count() {
    for (const side of SIDES) this.#counts[side].textContent = decimal(this.#sides[side].size);
    this.#go.disabled = !this.#ready;
    say(this.#hint, this.#ready ? "Ready: the two sides can be compared." : "Choose at least one session for each side.");
  }

  async #compare(moved) {
    const turn = ++this.#turn;
    const asked = this.#asked;
    replace(`#/compare${query(asked).replaceAll("%2C", ",")}`);
    const answer = await ask(`/v1/compare${query({ ...asked, lang: language(), theme: document.documentElement.dataset.theme })}`);
    if (turn !== this.#turn) return;
    showFindings(this.#findings, answer.findings);
    showWarnings(this.#warnings, answer.warnings);
    this.#result.hidden = false;
    await this.#figures.show(answer.figures);
    if (moved) this.#result.querySelector("h2").focus();
  }
}
