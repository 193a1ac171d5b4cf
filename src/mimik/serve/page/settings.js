// Settings and privacy: language, theme, camera, models, what is stored and where, and the way to be rid of it.
import { act, ask, tellTrouble } from "./api.js";
import { confirm, field, make } from "./dom.js";
import { allowed } from "./login.js";
import { recall, remember } from "./memory.js";
import { bytes, decimal, fill, language, onLanguage, percent, say, t } from "./words.js";

export class Settings {
  #settings;
  #choose;
  #themed;
  #language = make("select", {});
  #theme = make("select", {}, make("option", { value: "light", t: "Light" }), make("option", { value: "dark", t: "Dark" }));
  #camera = make("select", {});
  #trouble = make("p", { class: "trouble", role: "alert", hidden: true });
  #done = make("p", { class: "help", role: "status" });
  #stored = make("dl", { class: "more" });
  #left;
  #door;
  #deletions;
  #bound = make("p", { class: "help", hidden: true, t: "The key that this page is logged in with does not allow to see or delete what is stored; that takes “admin”." });

  /** `choose` sets the language, `themed` the theme; `left` is called once the page is logged out. */
  constructor(place, settings, choose, themed, left) {
    this.#settings = settings;
    this.#left = left;
    this.#choose = choose;
    this.#themed = themed;
    for (const [key, name] of Object.entries(settings.languages)) this.#language.append(make("option", { value: key, lang: key }, name));
    this.#language.addEventListener("change", () => void this.#choose(this.#language.value));
    this.#theme.addEventListener("change", () => this.#themed(this.#theme.value));
    this.#camera.addEventListener("change", () => remember("mimik-camera", this.#camera.value));
    onLanguage(() => (this.#language.value = language()));
    const purge = make("button", { type: "button", t: "Delete what is due" });
    purge.addEventListener("click", () => void act(purge, this.#trouble, () => this.#purge()));
    const all = make("button", { type: "button", class: "danger-text", t: "Delete everything…" });
    all.addEventListener("click", () => void this.#deleteAll(all));
    const out = make("button", { type: "button", t: "Log out" });
    out.addEventListener("click", () => void act(out, this.#trouble, () => this.#logOut()));
    const box = (title, ...children) => make("section", { class: "card-box" }, make("h2", { t: title }), ...children);
    this.#door = box(
      "Access",
      make("p", { t: "Logged in with the key “{name}”.", values: { name: () => this.#settings.logged_in?.name ?? "" } }),
      make("p", { class: "help", t: "It allows: {scopes}.", values: { scopes: () => allowed(this.#settings.logged_in?.scopes ?? []) } }),
      make("p", {}, out),
    );
    this.#deletions = [
      box(
        "How long it is kept",
        make("p", { t: "Each session says how long its readings and it itself are kept; that is asked before it is recorded. What is due is deleted when Mimik starts and while it runs, or now:" }),
        make("p", {}, purge),
      ),
      box("Delete everything", make("p", { t: "All sessions, markers, clips and waiting videos, for good." }), make("p", {}, all)),
    ];
    place.append(
      make("h1", { t: "Settings and privacy", tabIndex: -1 }),
      this.#trouble,
      this.#done,
      make(
        "div",
        { class: "columns even" },
        make(
          "div",
          { class: "stack" },
          this.#door,
          box("Language and looks", field("Language", this.#language), field("Theme", this.#theme)),
          settings.mode === "camera" ? box("Camera", field("Camera of this page", this.#camera, "Used the next time that the camera is started.")) : null,
          box("Models", ...settings.models.map(card), make("p", { class: "help", t: "The command “mimik models” says more of them." })),
        ),
        make(
          "div",
          { class: "stack" },
          box(
            "What is stored, and where",
            make("p", { t: "Only sessions that somebody records or has read from a video are stored: numbers by person and time, sums by the second, markers, and the words you type. A picture is kept only in clips with blurred faces, where they were asked for." }),
            this.#stored,
            this.#bound,
            make("p", { class: "help", t: this.#remembered() }),
          ),
          ...this.#deletions,
        ),
      ),
    );
  }

  async show() {
    this.#language.value = language();
    this.#theme.value = document.documentElement.dataset.theme;
    void this.#listCameras();
    const { login_needed: needed, logged_in: person } = this.#settings;
    const bound = needed && !person.scopes.includes("admin");
    this.#door.hidden = !needed;
    this.#bound.hidden = !bound;
    this.#stored.hidden = bound;
    for (const part of this.#deletions) part.hidden = bound;
    if (needed) fill(this.#door);
    if (bound) tellTrouble(this.#trouble, null);
    else await this.#refresh();
  }

  hide() {
    say(this.#done, () => "");
  }

  redraw() {
    this.#theme.value = document.documentElement.dataset.theme;
  }

  #remembered() {
    return this.#settings.login_needed
      ? "This page itself remembers the language, the theme and the camera in this browser, and a cookie while you are logged in; it sends nothing to any but its own server."
      : "This page itself remembers the language, the theme and the camera in this browser; it sets no cookies and sends nothing to other computers.";
  }

  async #logOut() {
    await ask("/v1/logout", { method: "POST" });
    await this.#left();
  }

  async #refresh() {
    try {
      const store = await ask("/v1/store");
      const lines = [
        ["Database", () => store.url.replace(/^sqlite:\/\/\//, "")],
        ["Size", () => (store.size_bytes === null ? t("unknown") : bytes(store.size_bytes))],
        ["Sessions", () => decimal(store.sessions)],
        ["Jobs in the queue", () => decimal(store.jobs)],
        ["Clips", () => store.clips_folder],
      ];
      this.#stored.replaceChildren(...lines.flatMap(([name, value]) => [make("dt", { t: name }), make("dd", { t: value })]));
      tellTrouble(this.#trouble, null);
    } catch (error) {
      tellTrouble(this.#trouble, error);
    }
  }

  async #listCameras() {
    const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    const cameras = devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId);
    this.#camera.replaceChildren(
      make("option", { value: "", t: "The browser's choice" }),
      ...cameras.map((one, place) => make("option", { value: one.deviceId, t: () => one.label || t("Camera {number}", { number: place + 1 }) })),
    );
    this.#camera.value = cameras.some(({ deviceId }) => deviceId === recall("mimik-camera")) ? recall("mimik-camera") : "";
  }

  async #purge() {
    const { sessions, raw } = await ask("/v1/store/purge", { method: "POST" });
    say(this.#done, "Deleted: {sessions} sessions, and the readings of {raw} more.", {
      sessions: () => decimal(sessions),
      raw: () => decimal(raw),
    });
    await this.#refresh();
  }

  async #deleteAll(button) {
    const agreed = await confirm({
      title: "Delete everything?",
      text: "Every session with its readings, markers and clips is deleted from the disk and cannot be had back. A recording that runs is lost, too.",
      agree: "Delete everything",
      typed: () => t("delete everything"),
    });
    if (!agreed) return;
    await act(button, this.#trouble, async () => {
      await ask("/v1/sessions", { method: "DELETE" });
      say(this.#done, "Everything is deleted.");
      await this.#refresh();
    });
  }
}

/** A model's card: what it is, what it learnt from, how well it did. */
function card(model) {
  const accuracy = share("{accuracy} (95 % interval {low} to {high}) of {faces} faces of {split}", model.accuracy, model);
  const lines = [
    ["Accuracy", () => `${accuracy()} (${t(model.role)})`],
    ...shown(model.shown),
    ["Learnt from", () => t(model.data)],
    ["Licence", () => t(model.licence)],
    ["File", () => (model.sha256 ? `SHA-256 ${model.sha256.slice(0, 16)}…` : t("not shipped"))],
  ];
  return make(
    "article",
    { class: "model" },
    make("div", { class: "row" }, make("h3", {}, model.name), model.used ? make("span", { class: "chip", t: "in use" }) : null),
    make("p", { class: "help", t: model.title }),
    make("dl", { class: "more" }, ...lines.flatMap(([name, value]) => [make("dt", { t: name }), make("dd", { t: value })])),
  );
}

/** How far the labels that people see may be believed. */
function shown(measured) {
  if (!measured) return [];
  const certainty = () =>
    t("sure from {sure}, uncertain from {uncertain}, withheld below", {
      sure: percent(measured.sure),
      uncertain: percent(measured.uncertain),
    });
  const seen = "{accuracy} (95 % interval {low} to {high}) are what most people saw, in {faces} faces of {split}";
  return [
    ["Labels shown", share(seen, measured.agreement, measured)],
    ["Certainty", certainty],
  ];
}

const share = (text, value, { interval: [low, high], faces, split }) => () =>
  t(text, { accuracy: percent(value, 1), low: percent(low, 1), high: percent(high, 1), faces: decimal(faces), split });
