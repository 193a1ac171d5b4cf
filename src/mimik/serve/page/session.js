// One session: findings, figures, the timeline linked to a video, markers; to edit, take home and delete.
import { act, ask, download, query, tellTrouble } from "./api.js";
import { confirm, field, make, toggle } from "./dom.js";
import { purposeOptions, splitTags } from "./draft.js";
import { VideoLink } from "./film.js";
import { Figures, showFindings, showWarnings } from "./figures.js";
import { Linked } from "./linked.js";
import { Markers } from "./markers.js";
import { go } from "./router.js";
import { facts, tagChips } from "./sessions.js";
import { Strip, legend } from "./timeline.js";
import { clock, language, moment, say, t } from "./words.js";

export class SessionPage {
  #models;
  #id = "";
  #session = null;
  #turn = 0;
  #length = 1;
  #title = make("h1", { tabIndex: -1 });
  #facts = make("p", { class: "facts-line" });
  #more = make("dl", { class: "more" });
  #trouble = make("p", { class: "trouble", role: "alert", hidden: true });
  #status = make("p", { class: "help", role: "status" });
  #warnings = make("div", { class: "warnings", role: "note", hidden: true });
  #findings = make("ul", { class: "findings" });
  #time = make("span", { class: "strip-time" });
  #whole = make("div", { class: "stack" });
  #relative = toggle("Relative to rest", "Differences from each person's own rest measurement, not absolute figures.", false, () => void this.#draw());
  #strip = new Strip((time) => this.#sought(time));
  #film = new VideoLink((time) => this.#played(time));
  #linked = new Linked((time) => this.#goTo(time));
  #markers = new Markers(() => this.#strip.time, (time) => this.#goTo(time), () => this.#reload());
  #figures;

  constructor(place, load, models) {
    this.#models = models;
    const drawn = make("div", {});
    this.#figures = new Figures(drawn, load);
    this.#whole.append(
      make("section", { class: "card-box", "aria-labelledby": "findings-title" }, make("h2", { id: "findings-title", t: "In short" }), this.#warnings, this.#findings, this.#relative.element),
      make(
        "section",
        { class: "card-box linked", "aria-labelledby": "timeline-title" },
        make("div", { class: "row spread" }, make("h2", { id: "timeline-title", t: "Timeline" }), this.#time),
        this.#strip.element,
        legend(),
        make("p", { class: "help", t: "Click the strip, or use the arrow keys on it, to move through the session." }),
        make("div", { class: "columns even" }, this.#film.element, this.#markers.element),
      ),
      make("section", { "aria-labelledby": "figures-title" }, make("h2", { id: "figures-title", t: "Figures" }), drawn),
    );
    place.append(
      make("p", {}, make("a", { href: "#/sessions", t: "← All sessions" })),
      make("div", { class: "session-head" }, make("div", {}, this.#title, this.#facts), this.#buttons()),
      this.#status,
      this.#trouble,
      this.#more,
      this.#whole,
    );
  }

  show(id) {
    if (id !== this.#id) {
      this.#id = id;
      this.#session = null;
      this.#figures.clear();
      this.#film.clear();
      this.#strip.move(0);
      this.#relative.box.checked = false;
      this.#title.textContent = "";
      this.#whole.hidden = true;
      say(this.#status, "Loading the session…");
    }
    return this.#reload();
  }

  hide() {
    this.#turn += 1;
    this.#film.pause();
  }

  /** The language or the theme has changed. */
  redraw() {
    if (this.#session) void this.#draw();
  }

  get #path() {
    return `/v1/sessions/${this.#id}`;
  }

  #buttons() {
    const report = (kind, text) => {
      const button = make("button", { type: "button", t: text });
      button.addEventListener("click", () =>
        void act(button, this.#trouble, async () => {
          say(this.#status, "The report is being written…");
          try {
            await download(`${this.#path}/report.${kind}${query({ lang: language(), relative: this.#relative.box.checked || null })}`, `mimik-${this.#id}.${kind}`);
            say(this.#status, "The report is in your downloads.");
          } catch (error) {
            say(this.#status, () => "");
            throw error;
          }
        }));
      return button;
    };
    const file = (kind) => {
      const button = make("button", { type: "button" }, kind.toUpperCase() === "PARQUET" ? "Parquet" : kind.toUpperCase());
      button.addEventListener("click", () => void act(button, this.#trouble, () => download(`${this.#path}/export.${kind}`, `mimik-${this.#id}.${kind}`)));
      return button;
    };
    const edit = make("button", { type: "button", t: "Edit…", on: { click: () => this.#edit() } });
    const remove = make("button", { type: "button", class: "danger-text", t: "Delete…" });
    remove.addEventListener("click", () => void this.#delete(remove));
    return make(
      "div",
      { class: "session-buttons" },
      report("html", "Report (HTML)"),
      report("pdf", "Report (PDF)"),
      make("span", { class: "together", role: "group", label: "Export the numbers" }, make("span", { class: "help", t: "Numbers:" }), file("csv"), file("json"), file("parquet")),
      make("a", { class: "button", t: "Compare…", href: "#/compare", id: "session-compare" }),
      edit,
      remove,
    );
  }

  async #reload() {
    const turn = ++this.#turn;
    try {
      // All at once, so that nothing moves down while somebody reads.
      const [session, analysis, drawn] = await Promise.all([ask(this.#path), ask(`${this.#path}/analysis`), this.#askFigures()]);
      if (turn !== this.#turn) return;
      this.#session = session;
      this.#describe(session);
      const { markers } = session;
      this.#relative.element.hidden = !markers.some(({ kind }) => kind === "baseline");
      this.#whole.hidden = false;
      this.#length = session.duration_s;
      this.#strip.show(this.#length, analysis.timeline, markers);
      this.#markers.show(this.#id, markers);
      this.#film.offer(session.clip ? `${this.#path}/clip.mp4` : null);
      this.#played(this.#strip.time);
      tellTrouble(this.#trouble, null);
      if (document.body.dataset.place === "session") document.title = `${session.title} · Mimik`;
      say(this.#status, () => "");
      await this.#place(drawn);
    } catch (error) {
      if (turn !== this.#turn) return;
      say(this.#status, () => "");
      tellTrouble(this.#trouble, error);
    }
  }

  #describe(session) {
    this.#title.textContent = session.title;
    this.#facts.replaceChildren(...facts(session), ...tagChips(session.tags));
    document.getElementById("session-compare").href = `#/compare?a=${session.id}`;
    const lines = [
      ["Consent", session.consent],
      ["Legal ground", session.ground],
      ["Source", session.source === "visitor's camera" ? () => t("visitor's camera") : session.source],
      ["Read by", this.#reader(session.model)],
      ["Readings are deleted", session.raw_until && (() => moment(session.raw_until))],
      ["The session is deleted", session.keep_until && (() => moment(session.keep_until))],
    ].filter(([, value]) => value);
    this.#more.replaceChildren(
      ...lines.flatMap(([name, value]) => [make("dt", { t: name }), typeof value === "function" ? make("dd", { t: value }) : make("dd", {}, value)]),
    );
  }

  /** The name of the model whose hash is in a session's identity of what read it. */
  #reader(identity) {
    const model = this.#models.find(({ sha256 }) => sha256 && identity.includes(sha256));
    return model ? `${model.name} (SHA-256 ${model.sha256.slice(0, 12)}…)` : identity;
  }

  #askFigures() {
    const theme = document.documentElement.dataset.theme;
    return ask(`${this.#path}/figures${query({ lang: language(), theme, relative: this.#relative.box.checked || null })}`);
  }

  async #draw() {
    const turn = this.#turn;
    try {
      const drawn = await this.#askFigures();
      if (turn === this.#turn) await this.#place(drawn);
    } catch (error) {
      if (turn === this.#turn) tellTrouble(this.#trouble, error);
    }
  }

  async #place({ findings, figures, warnings }) {
    showFindings(this.#findings, findings);
    showWarnings(this.#warnings, warnings);
    await this.#figures.show(figures);
    const chart = this.#figures.chart("timeline");
    if (chart) this.#linked.follow(chart);
    this.#linked.move(this.#strip.time);
  }

  #sought(time) {
    this.#film.seek(time);
    this.#tellTime(time);
  }

  #goTo(time) {
    this.#strip.move(time);
    this.#sought(time);
  }

  #played(time) {
    this.#strip.move(Math.min(Math.max(0, time), this.#length));
    this.#tellTime(this.#strip.time);
  }

  #tellTime(time) {
    this.#time.textContent = `${clock(time)} / ${clock(this.#length)}`;
    this.#markers.at(time);
    this.#linked.move(time);
  }

  #edit() {
    const session = this.#session;
    if (session === null) return;
    const title = make("input", { type: "text", required: true, maxLength: 200, value: session.title });
    const purpose = purposeOptions(make("select", {}));
    purpose.value = session.purpose;
    const tags = make("input", { type: "text", value: session.tags.join(", ") });
    const consent = make("textarea", { rows: 2, maxLength: 2000, value: session.consent });
    const ground = make("textarea", { rows: 2, maxLength: 2000, value: session.ground });
    const trouble = make("p", { class: "trouble", role: "alert", hidden: true });
    const save = make("button", { type: "submit", class: "primary", t: "Save" });
    const dialog = make("dialog", { class: "dialog", "aria-labelledby": "edit-title" });
    const form = make(
      "form",
      {},
      make("h2", { id: "edit-title", t: "Edit the session" }),
      field("Title", title),
      field("Purpose", purpose),
      field("Tags", tags, "Short words to find it by, with commas between."),
      field("How people were told and agreed", consent),
      field("The legal ground, in your words", ground),
      trouble,
      make("div", { class: "dialog-buttons" }, make("button", { type: "button", t: "Cancel", on: { click: () => dialog.close() } }), save),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void act(save, trouble, async () => {
        const change = { title: title.value.trim(), purpose: purpose.value, tags: splitTags(tags.value), consent: consent.value.trim(), ground: ground.value.trim() };
        await ask(this.#path, { method: "PATCH", body: change });
        dialog.close();
        await this.#reload();
      });
    });
    dialog.addEventListener("close", () => dialog.remove());
    dialog.append(form);
    document.body.append(dialog);
    dialog.showModal();
  }

  async #delete(button) {
    const { title } = this.#session ?? { title: this.#id };
    const agreed = await confirm({
      title: "Delete this session?",
      text: "“{title}”: its readings, markers and clip are deleted from the disk and cannot be had back. Reports that you downloaded stay.",
      values: { title },
      agree: "Delete for good",
    });
    if (!agreed) return;
    const gone = await act(button, this.#trouble, () => ask(this.#path, { method: "DELETE" }));
    if (!gone) return;
    this.#id = "";
    go("#/sessions");
  }
}
