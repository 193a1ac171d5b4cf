// The analysis queue: videos are dropped, read one after the other by the server, and become sessions.
import { act, ask, tellTrouble, trouble } from "./api.js";
import { confirm, make } from "./dom.js";
import { DraftForm } from "./draft.js";
import { placed } from "./elsewhere.js";
import { duration, percent, say, t } from "./words.js";

const ASK_MS = 1000;
const VIDEO = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ts|mts|m2ts|wmv|ogv|3gp)$/i;
const PICTURE = /\.(jpe?g|png|webp|gif|bmp|tiff?|heic)$/i;
const STATES = { queued: "Waiting", running: "Being read", done: "Done", failed: "It failed", cancelled: "Cancelled" };
const OVER = ["done", "failed", "cancelled"];

export class Analyse {
  #draft;
  #form = new DraftForm({ clips: false, titled: false });
  #list = make("ol", { class: "jobs" });
  #empty = make("p", { class: "empty", t: "The queue is empty. Choose a video above; when it has been read it becomes a session with figures and a report." });
  #trouble = make("p", { class: "trouble", role: "alert", hidden: true });
  #lost = make("p", { class: "trouble", role: "status", hidden: true });
  #rows = new Map(); // job id → {element, update(job)}
  #uploads = new Set();
  #timer = 0;
  #here = false;

  constructor(place) {
    const file = make("input", { type: "file", multiple: true, accept: "video/*,.mkv,.ts,.mts", class: "unseen", id: "videos" });
    file.addEventListener("change", () => {
      this.#offer([...file.files]);
      file.value = "";
    });
    const drop = make(
      "div",
      { class: "drop" },
      make("p", { class: "drop-words", t: "Drop videos here" }),
      file,
      make("label", { for: "videos", class: "button primary", t: "Choose videos…" }),
      make("p", { class: "help", t: placed("Videos stay on this machine: Mimik copies them while it reads and deletes the copy. Pictures are read by the command “mimik analyze”, for a session needs time.") }),
    );
    drop.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      this.#offer([...event.dataTransfer.files]);
    });
    // A file dropped beside the zone would otherwise replace the page.
    for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
    this.#draft = make("form", { id: "analyse-draft" }, this.#form.element);
    this.#draft.addEventListener("submit", (event) => event.preventDefault());
    place.append(
      make("h1", { t: "Analyse videos", tabIndex: -1 }),
      make(
        "div",
        { class: "columns" },
        make("div", { class: "card-box" }, make("h2", { t: "About these videos" }), this.#draft),
        make("div", { class: "stack" }, drop, this.#trouble, make("h2", { t: "Queue" }), this.#lost, this.#empty, this.#list),
      ),
    );
    addEventListener("beforeunload", (event) => {
      if (this.#uploads.size) event.preventDefault();
    });
  }

  show() {
    this.#here = true;
    void this.#refresh();
  }

  hide() {
    this.#here = false;
    clearTimeout(this.#timer);
  }

  #offer(files) {
    tellTrouble(this.#trouble, null);
    if (!this.#draft.reportValidity()) return;
    for (const file of files) {
      if (VIDEO.test(file.name) || file.type.startsWith("video/")) void this.#upload(file);
      else this.#refuse(file.name, PICTURE.test(file.name) || file.type.startsWith("image/"));
    }
  }

  #refuse(name, picture) {
    this.#list.prepend(
      this.#local(name, picture ? "A picture has no course of time, so it makes no session. Use the command “mimik analyze” for pictures." : "This is no video that Mimik knows. Nothing was sent. Choose an MP4, MOV, MKV or WebM file."),
    );
    this.#count();
  }

  #local(name, text, values = {}) {
    const gone = make("button", { type: "button", class: "small", t: "Remove" });
    const row = make("li", { class: "job", "data-state": "failed" }, make("div", { class: "job-head" }, make("strong", {}, name), gone), make("p", { class: "job-trouble", role: "alert", t: text, values }));
    gone.addEventListener("click", () => {
      row.remove();
      this.#count();
    });
    return row;
  }

  #count() {
    this.#empty.hidden = this.#list.children.length > 0;
  }

  /** Sends a file; XMLHttpRequest, for it tells how much of it has gone. */
  #upload(file) {
    const draft = this.#form.value();
    delete draft.clip;
    draft.title ||= file.name.replace(/\.[^.]+$/, "").slice(0, 200) || file.name;
    const bar = make("progress", { max: 1, value: 0, label: "Upload" });
    const share = make("span", { class: "job-state" });
    const stop = make("button", { type: "button", class: "small", t: "Cancel" });
    const row = make("li", { class: "job", "data-state": "upload" }, make("div", { class: "job-head" }, make("strong", {}, file.name), stop), bar, make("p", { class: "job-line" }, make("span", { t: "Being copied" }), share));
    this.#list.prepend(row);
    this.#count();
    const request = new XMLHttpRequest();
    this.#uploads.add(request);
    stop.addEventListener("click", () => request.abort());
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.value = total ? loaded / total : 0;
      share.textContent = percent(bar.value);
    });
    request.addEventListener("loadend", () => {
      this.#uploads.delete(request);
      if (request.status === 201) {
        const job = JSON.parse(request.responseText);
        if (this.#rows.has(job.id)) row.remove();
        else this.#place(job, row);
        void this.#refresh();
        return;
      }
      const said = trouble(request.status, request.responseText);
      row.replaceWith(this.#local(file.name, request.status ? said.text : "The video was not sent to the end, and nothing of it is kept. Choose it once more to begin again.", said.values));
    });
    const body = new FormData();
    body.append("draft", JSON.stringify(draft));
    body.append("file", file, file.name);
    request.open("POST", "/v1/jobs");
    request.send(body);
  }

  async #refresh() {
    clearTimeout(this.#timer);
    let jobs = null;
    try {
      ({ jobs } = await ask("/v1/jobs"));
      tellTrouble(this.#lost, null);
    } catch (error) {
      tellTrouble(this.#lost, error);
    }
    if (jobs) this.#take(jobs);
    const busy = jobs === null || jobs.some(({ state }) => !OVER.includes(state));
    clearTimeout(this.#timer);
    if (this.#here && busy) this.#timer = setTimeout(() => void this.#refresh(), ASK_MS);
  }

  #take(jobs) {
    const there = new Set(jobs.map(({ id }) => id));
    for (const [id, { element }] of this.#rows)
      if (!there.has(id)) {
        element.remove();
        this.#rows.delete(id);
      }
    for (const job of [...jobs].sort((a, b) => a.created_at.localeCompare(b.created_at))) this.#place(job);
    this.#count();
  }

  #place(job, instead = null) {
    let row = this.#rows.get(job.id);
    if (!row) {
      row = this.#row(job);
      this.#rows.set(job.id, row);
      if (instead) instead.replaceWith(row.element);
      else this.#list.prepend(row.element);
    }
    row.update(job);
  }

  #row({ id, name, draft }) {
    const bar = make("progress", { max: 1, value: 0, label: "Progress of {name}", values: { name } });
    const state = make("span", { class: "job-state" });
    const left = make("span", { class: "help" });
    const open = make("a", { class: "job-open", t: "Open the session", hidden: true });
    const said = make("p", { class: "job-trouble", hidden: true });
    const button = make("button", { type: "button", class: "small" });
    let job = null;
    button.addEventListener("click", async () => {
      const running = job && !OVER.includes(job.state);
      if (running && !(await confirm({ title: "Cancel this analysis?", text: "What was read of “{name}” so far is thrown away. The video itself stays where you have it.", values: { name }, agree: "Cancel the analysis" }))) return;
      await act(button, this.#trouble, () => ask(`/v1/jobs/${id}`, { method: "DELETE" }));
      await this.#refresh();
    });
    const title = make("span", { class: "help" });
    title.textContent = draft?.title && draft.title !== name ? draft.title : "";
    const element = make("li", { class: "job" }, make("div", { class: "job-head" }, make("strong", {}, name), title, open, button), bar, make("p", { class: "job-line" }, state, left), said);
    const update = (now) => {
      const before = job;
      job = now;
      element.dataset.state = now.state;
      bar.value = now.state === "done" ? 1 : now.progress;
      bar.hidden = ["failed", "cancelled"].includes(now.state);
      if (before?.state !== now.state || before.progress !== now.progress || before.left_s !== now.left_s) {
        say(state, () => (now.state === "running" ? `${t(STATES.running)} · ${percent(now.progress)}` : t(STATES[now.state])));
        const known = now.state === "running" && now.left_s !== null && now.left_s !== undefined;
        if (known) say(left, "about {time} left", { time: () => duration(now.left_s) });
        else say(left, () => "");
      }
      if (before?.state !== now.state) say(button, OVER.includes(now.state) ? "Remove" : "Cancel");
      open.hidden = !(now.session && now.state === "done");
      if (now.session) open.href = `#/sessions/${now.session}`;
      said.hidden = !now.error;
      if (now.error) say(said, now.error.text, now.error.values);
    };
    return { element, update };
  }
}
