// The live place: one state (body data-state: consent, starting, live, paused, stopped) and what leads on from each.
import { VisitorCamera, cameraTrouble, noCamera } from "./camera.js";
import { loadPlotly } from "./chart.js";
import { make } from "./dom.js";
import { recall, remember } from "./memory.js";
import { Mood } from "./mood.js";
import { Overlay } from "./overlay.js";
import { People } from "./people.js";
import { Recording } from "./recording.js";
import { ServerSource } from "./source.js";
import { clock, decimal, say, t } from "./words.js";

const part = (id) => document.getElementById(id);
const state = () => document.body.dataset.state;
const TOGETHER_MS = 1000;
const PATIENCE_MS = 5000;
const RUNNING = ["live", "paused", "starting"];

export class Live {
  #settings;
  #overlay = new Overlay(part("overlay"));
  #people = new People(part("cards"), part("nobody"), part("announcer"));
  #mood = new Mood(part("mood-bar"), part("mood-shares"));
  #recording;
  #feed = null;
  #message = null; // what the panel says above its button: {title, text, values} in English
  #notices = []; // what the banner says: {text, values, at}
  #noticeTimer = 0;
  #pausedRecording = false;
  #stopping = false;
  #blind = false; // the browser has no camera for a page at this address

  constructor(settings) {
    this.#settings = settings;
    const blind = settings.mode === "camera" ? noCamera() : null;
    if (blind !== null) {
      this.#blind = true;
      this.#message = { title: blind[0], text: blind[1] };
    }
    this.#recording = new Recording(() => this.#writeStored());
    part("start").addEventListener("click", () => void this.#start());
    part("pause").addEventListener("click", () => this.#pause());
    part("stop").addEventListener("click", () => void this.#stop());
    part("video").addEventListener("resize", () => this.#size(part("video").videoWidth, part("video").videoHeight));
    part("camera").addEventListener("change", () => void this.#choose(part("camera").value));
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.#listCameras());
    addEventListener("pagehide", () => this.#feed?.stop());
    setInterval(() => this.#writeFigures(), 1000);
    this.#enter("consent");
  }

  show() {}

  hide() {}

  /** Does what a key means here; says whether it meant anything. */
  key(event) {
    const lower = event.key.toLocaleLowerCase("en");
    // Who leaves the marker's field by Esc and presses it once too often must not lose the recording.
    if (event.key === "Escape" && this.#recording.state === null) void this.#stop();
    else if (event.key === " " && !event.target.closest("button, a, summary, input, select")) this.#pause();
    else if (lower === "m" && this.#recording.state !== null) this.#recording.focusMarker();
    else return false;
    return true;
  }

  /** Writes everything again, in another language say. */
  write() {
    const camera = this.#settings.mode === "camera";
    part("start").textContent = state() === "stopped" ? t("Start again") : camera ? t("Start camera") : t("Start");
    if (this.#blind) part("start").hidden = part("agree").hidden = true;
    part("pause").textContent = state() === "paused" ? t("Resume") : t("Pause");
    part("fact-recorded").hidden = !this.#settings.recorded;
    part("fact-unstored").hidden = this.#settings.recorded;
    part("message").hidden = this.#message === null;
    if (this.#message !== null) {
      part("message-title").textContent = t(this.#message.title);
      part("message-text").textContent = t(this.#message.text, this.#message.values);
    }
    part("banner").hidden = this.#notices.length === 0;
    part("banner").textContent = this.#notices.map(({ text, values }) => t(text, values)).join(" ");
    this.#writeStored();
    this.#writeFigures();
    this.#people.redraw();
    this.#mood.redraw();
  }

  #enter(next) {
    const before = state();
    document.body.dataset.state = next;
    const live = RUNNING.includes(next);
    part("panel").hidden = live;
    part("live").hidden = !live;
    part("people").hidden = !live;
    part("facts").hidden = part("agree").hidden = part("welcome").hidden = next === "stopped";
    this.write();
    const here = document.body.dataset.place === "live";
    if (here && live && !RUNNING.includes(before)) part("pause").focus({ preventScroll: true });
    if (here && next === "stopped") part("start").focus({ preventScroll: true });
  }

  /** The line in the header that says, in every place, what is being stored. */
  #writeStored() {
    const { state: recording, draft, unsaved, last } = this.#recording;
    const time = () => clock(this.#recording.elapsed);
    if (recording === "paused") say(part("stored-text"), "Recording paused");
    else if (recording !== null && unsaved > 0) say(part("stored-text"), "Not being saved");
    else if (recording !== null && draft?.aggregate_only) say(part("stored-text"), "Recording sums · {time}", { time });
    else if (recording !== null) say(part("stored-text"), "Recording numbers · {time}", { time });
    else say(part("stored-text"), this.#settings.recorded ? "Being recorded" : "Nothing is stored");
    part("stored").classList.toggle("recorded", this.#settings.recorded || recording !== null);
    part("recorded-session").hidden = !last;
    if (last) {
      part("recorded-link").href = `#/sessions/${last.id}`;
      say(part("recorded-link"), "Open the session “{title}”", { title: last.title });
      if (RUNNING.includes(state())) this.#tellSaved(last);
    }
  }

  #tellSaved(last) {
    const place = part("saved");
    if (place.dataset.session === last.id) return;
    place.dataset.session = last.id;
    const close = make("button", { type: "button", class: "quiet", label: "Close", on: { click: () => (place.hidden = true) } }, "×");
    place.replaceChildren(
      make("span", { t: "The recording is saved." }),
      make("a", { href: `#/sessions/${last.id}`, t: "Open the session “{title}”", values: { title: last.title } }),
      close,
    );
    place.hidden = false;
  }

  #writeFigures() {
    if (this.#feed === null || state() === "starting") {
      part("figures").textContent = "";
      return;
    }
    const { shown, read, p50, p95, dropped } = this.#feed.statistics();
    part("figures").textContent = t("{shown} fps shown, {read} read · latency {p50} ms, p95 {p95} ms · {dropped} dropped", {
      shown: decimal(shown),
      read: decimal(read),
      p50: decimal(p50),
      p95: decimal(p95),
      dropped: decimal(dropped),
    });
  }

  #tell(text, values = {}) {
    const at = performance.now();
    // Two that come together belong together: what happened, and what it means.
    this.#notices = [...this.#notices.filter((before) => at - before.at < TOGETHER_MS), { text, values, at }].slice(-2);
    this.write();
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => {
      this.#notices = [];
      this.write();
    }, 8000);
  }

  #size(width, height) {
    part("screen").style.aspectRatio = `${width} / ${height}`;
    part("screen").style.setProperty("--ratio", width / height);
    part("waiting").hidden = true;
  }

  get #told() {
    return {
      size: (width, height) => this.#size(width, height),
      hello: (token) => this.#recording.connect(this.#settings.sessions ? token : null),
      recording: (message) => this.#recording.hear(message),
      result: (result) => {
        if (state() !== "live") return;
        this.#overlay.update(result);
        this.#people.update(result);
        this.#mood.update(result);
      },
      notice: (text, values) => this.#tell(text, values),
      trouble: (title, text, values) => this.#finish({ title, text, values }),
      ended: () => this.#finish({ title: "The end", text: "The source has come to its end." }),
    };
  }

  async #start() {
    if (this.#feed !== null) return;
    this.#message = null;
    this.#notices = [];
    this.#recording.last = null;
    part("saved").hidden = true;
    void loadPlotly(this.#settings.plotly_styles); // unless it is there already
    const camera = this.#settings.mode === "camera";
    part("video").hidden = !camera;
    part("picture").hidden = camera;
    part("waiting").hidden = false;
    const told = this.#told;
    const mine = camera ? new VisitorCamera(part("video"), this.#settings.max_side, told) : new ServerSource(part("picture"), told);
    this.#feed = mine;
    this.#enter("starting");
    try {
      await mine.start(recall("mimik-camera"));
    } catch (error) {
      if (this.#feed === mine) {
        const [title, text] = cameraTrouble(error);
        this.#finish({ title, text });
      }
      return;
    }
    if (this.#feed !== mine) {
      mine.stop();
      return;
    }
    this.#mirror();
    this.#enter("live");
    void this.#listCameras();
  }

  #mirror() {
    this.#overlay.mirrored = this.#feed.mirrored;
    part("video").classList.toggle("mirrored", this.#feed.mirrored);
  }

  async #listCameras() {
    if (!(this.#feed instanceof VisitorCamera)) return;
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
    const device = this.#feed?.device;
    part("camera-choice").hidden = cameras.length < 2;
    part("camera").replaceChildren(
      ...cameras.map((one, place) => {
        const name = () => one.label || t("Camera {number}", { number: place + 1 });
        return make("option", { value: one.deviceId, selected: one.deviceId === device, t: name });
      }),
    );
  }

  async #choose(device) {
    const feed = this.#feed;
    if (!(feed instanceof VisitorCamera)) return;
    try {
      await feed.change(device);
      remember("mimik-camera", device);
      this.#overlay.clear();
      this.#mirror();
    } catch (error) {
      if (this.#feed !== feed) return;
      const [title, text] = cameraTrouble(error);
      if (feed.alive) {
        // The one before goes on, and a recording with it.
        this.#tell(title);
        this.#tell(text);
        void this.#listCameras();
      } else this.#finish({ title, text });
    }
  }

  #finish(said) {
    this.#feed?.stop();
    this.#feed = null;
    this.#pausedRecording = this.#stopping = false;
    this.#recording.abandon();
    this.#recording.connect(null);
    this.#overlay.clear();
    this.#people.clear();
    this.#mood.clear();
    part("saved").hidden = true;
    this.#message = said;
    this.#notices = [];
    this.#enter("stopped");
  }

  async #stop() {
    if (this.#feed === null || this.#stopping) return;
    this.#stopping = true;
    const feed = this.#feed;
    feed.halt?.(); // the light goes out before a server that is slow has answered
    const recorded = this.#settings.recorded || this.#recording.state !== null || this.#recording.last !== null;
    try {
      await Promise.race([this.#recording.stop(), new Promise((_, late) => setTimeout(late, PATIENCE_MS))]);
    } catch {
      // The server ends the recording as the connection closes; the session is in the list either way.
    }
    if (this.#feed !== feed) return;
    const camera = "The camera is off for this page, and nothing was kept.";
    const source = "The source is closed for this page, and nothing was kept.";
    const kept = "The readings so far are in the recording.";
    this.#finish({ title: "Stopped", text: recorded ? kept : this.#settings.mode === "camera" ? camera : source });
  }

  #pause() {
    if (state() !== "live" && state() !== "paused") return;
    const paused = state() === "live";
    this.#feed.pause(paused);
    // Without pictures there is nothing to record, and a paused recording says so.
    if (paused && this.#recording.state === "recording") {
      this.#pausedRecording = true;
      void this.#recording.pause(true).catch(() => {});
    } else if (!paused && this.#pausedRecording) {
      this.#pausedRecording = false;
      void this.#recording.pause(false).catch(() => {});
    }
    this.#enter(paused ? "paused" : "live");
  }
}
