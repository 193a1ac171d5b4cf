// The video beside a session: the person's own file, which is never sent anywhere, or the blurred clip.
import { field, make } from "./dom.js";
import { clock, parseClock, say } from "./words.js";

export class VideoLink {
  #played;
  #video = make("video", { controls: true, playsInline: true, muted: true, preload: "metadata", class: "film", hidden: true });
  #file = make("input", { type: "file", accept: "video/*", class: "unseen", id: "film-file" });
  #begins = make("input", { type: "text", size: 7, value: "0:00", autocomplete: "off" });
  #beginsField = field("The video begins at", this.#begins, "In the time of the session, where the two did not begin together.");
  #clip = make("button", { type: "button", t: "Show the blurred clip", hidden: true });
  #said = make("p", { class: "help", role: "status" });
  #address = null;
  #own = null; // object URL to be given back
  #offset = 0;
  #asked = null; // what was sought before the video knew its length

  /** `played` is called with the session's time as the video plays or is sought. */
  constructor(played) {
    this.#played = played;
    this.element = make(
      "section",
      { class: "film-box", "aria-labelledby": "film-title" },
      make("h3", { id: "film-title", t: "Video" }),
      this.#video,
      this.#said,
      make("div", { class: "row" }, this.#file, make("label", { for: "film-file", class: "button", t: "Choose the video on this computer…" }), this.#clip),
      this.#beginsField,
    );
    this.#file.addEventListener("change", () => {
      const [file] = this.#file.files;
      if (file) this.#open(URL.createObjectURL(file), true);
      this.#file.value = "";
    });
    this.#clip.addEventListener("click", () => this.#open(this.#address, false));
    this.#begins.addEventListener("change", () => {
      const seconds = parseClock(this.#begins.value);
      this.#offset = Number.isNaN(seconds) ? 0 : seconds;
      this.#begins.value = clock(this.#offset);
    });
    this.#video.addEventListener("timeupdate", () => this.#played(this.#video.currentTime + this.#offset));
    this.#video.addEventListener("loadedmetadata", () => {
      if (this.#asked !== null) this.#video.currentTime = this.#asked;
      this.#asked = null;
    });
    this.#video.addEventListener("error", () => {
      if (!this.#video.hasAttribute("src")) return;
      this.clear();
      say(this.#said, "The browser cannot play this video; the session itself is whole. Try an MP4 (H.264) or WebM copy of it.");
    });
    this.clear();
  }

  /** Names the blurred clip that there is, or null. */
  offer(address) {
    this.#address = address;
    this.#clip.hidden = address === null;
  }

  clear() {
    this.#release();
    this.#video.hidden = this.#beginsField.hidden = true;
    this.#begins.value = "0:00";
    this.#offset = 0;
    say(this.#said, "Have you got the video? Choose it, and it follows the timeline. It is not sent anywhere, not even to Mimik.");
  }

  pause() {
    this.#video.pause();
  }

  seek(time) {
    if (this.#video.hidden) return;
    const wanted = Math.max(0, time - this.#offset);
    if (this.#video.readyState >= HTMLMediaElement.HAVE_METADATA) this.#video.currentTime = Math.min(wanted, this.#video.duration || wanted);
    else this.#asked = wanted;
  }

  #open(address, own) {
    this.#release();
    this.#own = own ? address : null;
    this.#video.src = address;
    this.#video.hidden = false;
    this.#beginsField.hidden = !own;
    this.#offset = 0;
    this.#begins.value = "0:00";
    say(this.#said, own ? "Played from your disk; nothing is sent." : "Faces were made unrecognisable before this clip was written.");
  }

  #release() {
    this.#video.pause();
    this.#video.removeAttribute("src");
    this.#video.load();
    if (this.#own) URL.revokeObjectURL(this.#own);
    this.#own = null;
    this.#asked = null;
  }
}
