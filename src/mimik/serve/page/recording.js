// Recording what is seen live: asked for in a dialog, told of as long as it runs, ended with a link to the session.
import { act, ask, tellTrouble } from "./api.js";
import { DraftForm } from "./draft.js";
import { make } from "./dom.js";
import { clock, say, t } from "./words.js";

const ASK_MS = 1000;
const REST_S = 10;
const SHOWN_MARKS = 5;
const GONE = 410; // the session was deleted while it was recorded
const FORBIDDEN = 403;
const WAITING = [401, 403, 429]; // the page may not ask now; the recording goes on

const part = (id) => document.getElementById(id);

export class Recording {
  #changed;
  #form = new DraftForm();
  #token = null;
  #own = null; // the token under which the recording runs
  #draft = null;
  #now = null; // the server's last answer: {session, state, elapsed_s, unsaved_s, markers}
  #timer = 0;
  #asking = null;
  #resting = 0;
  #marked = 0;
  #begun = null; // when the marker that is being typed was thought of
  #lost = 0; // questions without an answer

  /** `changed` is called when a recording begins, pauses, goes on, fails to save or ends. */
  constructor(changed) {
    this.#changed = changed;
    part("record-draft").append(this.#form.element);
    part("record").addEventListener("click", () => this.#open());
    part("record-cancel").addEventListener("click", () => part("record-dialog").close());
    part("record-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void act(event.submitter ?? part("record"), part("record-trouble"), () => this.#begin());
    });
    part("recording-pause").addEventListener("click", (event) =>
      void act(event.currentTarget, part("recording-trouble"), () => this.pause(this.state !== "paused")));
    part("recording-stop").addEventListener("click", (event) =>
      void act(event.currentTarget, part("recording-trouble"), () => this.stop()));
    part("marking").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#mark();
    });
    part("mark-label").addEventListener("input", (event) => {
      this.#begun = event.target.value === "" ? null : (this.#begun ?? performance.now());
    });
    part("mark-label").addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.target.value = "";
        this.#begun = null;
        event.target.blur();
      }
    });
    part("rest").addEventListener("click", () => void this.#rest());
  }

  /** recording, paused, or null where nothing is recorded. */
  get state() {
    return this.#now?.state ?? null;
  }

  get unsaved() {
    return this.#now?.unsaved_s ?? 0;
  }

  get elapsed() {
    return this.#now?.elapsed_s ?? 0;
  }

  get draft() {
    return this.#draft;
  }

  /** The session that was recorded last, as {id, title}, or null. */
  last = null;

  /** The live connection has a name at the server from now on; null: it is gone. */
  connect(token) {
    this.#token = token;
    part("record").hidden = token === null || this.state !== null;
    if (token !== null && this.#own !== null && token !== this.#own) void this.#refresh();
  }

  /** What the server tells by itself: of every change, and first of a recording that runs already. */
  hear(message) {
    const on = message.state === "recording" || message.state === "paused";
    if (this.#now === null && on && this.last?.id !== message.session.id) {
      this.#own = this.#token;
      this.#draft = message.session;
      this.#watch();
    }
    if (this.#now !== null || on) on ? this.#take(message) : this.#end(message.session);
  }

  async #open() {
    tellTrouble(part("record-trouble"), null);
    part("record-dialog").showModal();
    this.#form.renew();
  }

  async #begin() {
    const draft = this.#form.value();
    this.last = null;
    const answer = await ask(`/v1/live/${this.#token}/recording`, { method: "POST", body: draft });
    this.#own = this.#token;
    this.#draft = draft;
    this.#watch();
    this.#take(answer);
    part("record-dialog").close();
    part("mark-label").focus();
  }

  #watch() {
    this.#marked = 0;
    this.#lost = 0;
    part("marks").replaceChildren();
    tellTrouble(part("recording-trouble"), null);
    this.#ask();
  }

  #ask() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => (this.#asking = this.#refresh()), ASK_MS);
  }

  async pause(paused) {
    if (this.#now === null) return;
    this.#take(await ask(this.#path, { method: "PATCH", body: { state: paused ? "paused" : "recording" } }));
  }

  /** Ends the recording, if there is one; resolves to the session. */
  async stop() {
    if (this.#now === null) return null;
    clearInterval(this.#timer);
    await this.#asking; // else its answer could be that there is nothing to ask about
    try {
      const session = await ask(this.#path, { method: "DELETE" });
      this.#end(session);
      return session;
    } catch (error) {
      if (error.status === GONE) {
        this.#end(null);
        return null;
      }
      this.#ask();
      throw error;
    }
  }

  /** A marker is to be set for this moment: it is named, or not, and saved with Enter. */
  focusMarker() {
    if (this.#now === null) return;
    this.#begun = performance.now();
    part("mark-label").focus();
  }

  /** The live run is over: a recording that still ran is ended by the server as the connection closes. */
  abandon() {
    const { session } = this.#now ?? {};
    if (session) this.#end(session);
  }

  get #path() {
    return `/v1/live/${this.#own}/recording`;
  }

  #take(answer) {
    this.#now = answer;
    this.#show();
  }

  #end(session) {
    clearInterval(this.#timer);
    this.last = session && { id: session.id, title: session.title ?? this.#draft?.title ?? "" };
    this.#now = this.#own = null;
    this.#resting = 0;
    this.#show();
  }

  async #refresh() {
    if (this.#now === null) return;
    try {
      const answer = await ask(this.#path);
      if (this.#now !== null) this.#take(answer);
      this.#lost = 0; // questions without an answer
    } catch (error) {
      if ([404, 409, GONE].includes(error.status) && this.#now !== null) {
        this.#end(error.status === GONE ? null : this.#now.session);
        return;
      }
      // Silence means that nothing more is saved: told after three questions without an answer, not at the first.
      if (!WAITING.includes(error.status)) this.#lost += 1;
      this.#show();
    }
  }

  async #mark(given = part("mark-label").value.trim()) {
    if (this.#now === null) return;
    this.#marked += 1;
    const text = given || t("Marker {number}", { number: this.#marked });
    part("mark-label").value = "";
    const typed = this.#begun === null ? 0 : (performance.now() - this.#begun) / 1000;
    this.#begun = null;
    try {
      const marker = await ask(`${this.#path}/markers`, { method: "POST", body: { label: text } });
      if (typed > 0.5 && marker.id > 0) {
        marker.time_s = Math.max(0, marker.time_s - typed); // the moment is that of the thought, not of the Enter key
        await this.#date(marker);
      }
      tellTrouble(part("recording-trouble"), null);
      const row = make("li", {}, make("span", { class: "mark-time", t: () => clock(marker.time_s) }), make("span", { t: () => marker.label }));
      part("marks").prepend(row);
      while (part("marks").children.length > SHOWN_MARKS) part("marks").lastElementChild.remove();
    } catch (error) {
      if (given) part("mark-label").value = given; // what was typed is not lost with the connection
      tellTrouble(part("recording-trouble"), error);
    }
  }

  async #date({ id, time_s }) {
    try {
      await ask(`/v1/sessions/${this.#now.session.id}/markers/${id}`, { method: "PATCH", body: { time_s } });
    } catch (error) {
      if (error.status !== FORBIDDEN) throw error; // a key for the live view alone: the marker stands where Enter was pressed
    }
  }

  async #rest() {
    if (this.#now === null || this.#resting > 0) return;
    try {
      await ask(`${this.#path}/baseline`, { method: "POST", body: { seconds: REST_S } });
    } catch (error) {
      tellTrouble(part("recording-trouble"), error);
      return;
    }
    const end = performance.now() + REST_S * 1000;
    const step = () => {
      this.#resting = this.#now === null ? 0 : Math.max(0, Math.ceil((end - performance.now()) / 1000));
      this.#showRest(true);
      if (this.#resting > 0) setTimeout(step, 200);
    };
    step();
  }

  #showRest(counted) {
    part("rest").disabled = this.#resting > 0;
    if (this.#resting > 0) {
      say(part("rest"), "Resting… {seconds} s", { seconds: this.#resting });
      say(part("rest-help"), "Look at the camera and rest, without speaking.");
    } else {
      say(part("rest"), "Measure rest, 10 s");
      if (counted) say(part("rest-help"), "The rest is measured: the session can also be read relative to it.");
      else say(part("rest-help"), "Typed text becomes the marker's name. Rest gives each person their own neutral reference.");
    }
  }

  #show() {
    const { state } = this;
    const on = state !== null;
    part("recording").hidden = !on;
    part("record").hidden = on || this.#token === null;
    if (on) {
      const paused = state === "paused";
      part("recording").dataset.state = state;
      say(part("recording-title"), paused ? "Recording is paused" : "Recording");
      say(part("recording-time"), () => clock(this.#now?.elapsed_s ?? 0));
      say(part("recording-pause"), paused ? "Go on recording" : "Pause recording");
      say(part("recording-kept"), this.#kept(paused));
      if (!part("rest").dataset.t) this.#showRest(false);
      part("rest").disabled = paused || this.#resting > 0;
      this.#showUnsaved();
    }
    this.#changed();
  }

  #kept(paused) {
    if (paused) return "Nothing is being stored while it is paused.";
    if (this.#draft?.clip && this.#draft.aggregate_only) return "Stored: sums over everybody in the picture, by the second, and a clip with blurred faces.";
    if (this.#draft?.clip) return "Stored: numbers of every person in the picture, and a clip with blurred faces.";
    if (this.#draft?.aggregate_only) return "Stored: sums over everybody in the picture, by the second. Nothing about one person, no picture.";
    return "Stored: numbers of every person in the picture: expression, certainty, place. No picture, no name.";
  }

  #showUnsaved() {
    const unsaved = this.unsaved;
    const silent = this.#lost >= 3;
    part("unsaved").hidden = unsaved <= 0 && !silent;
    if (silent) say(part("unsaved"), "Mimik does not answer: since then nothing is being saved. What was saved before stays whole. Start the program again.");
    else if (unsaved > 0)
      say(part("unsaved"), "The last {seconds} s are not being saved. What was saved before stays whole. Mimik goes on trying; make room on the disk, or see that the database runs.", {
        seconds: () => Math.ceil(this.unsaved),
      });
  }
}
