// The session over time as one strip: the seven shares, the markers, a cursor; a slider for mouse, finger and keys.
import { draw, make } from "./dom.js";
import { clock, emotions, t } from "./words.js";

const WIDE = 1000;
const TALL = 100;
const STEP_S = 5;

export class Strip {
  #seek;
  #length = 1;
  #time = 0;
  #svg = draw("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  #flags = make("div", { class: "strip-flags", "aria-hidden": "true" });
  #cursor = make("div", { class: "strip-cursor", "aria-hidden": "true" });
  #track;

  /** `seek` is called with the time in seconds that the person chose. */
  constructor(seek) {
    this.#seek = seek;
    this.#track = make("div", { class: "strip-track", role: "slider", tabIndex: 0, label: "Time in the session" }, this.#svg, this.#flags, this.#cursor);
    this.element = make("div", { class: "strip" }, this.#track);
    this.#track.addEventListener("pointerdown", (event) => {
      this.#track.setPointerCapture(event.pointerId);
      this.#point(event);
    });
    this.#track.addEventListener("pointermove", (event) => {
      if (this.#track.hasPointerCapture(event.pointerId)) this.#point(event);
    });
    this.#track.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Draws a session of `length` seconds from its analysis's timeline and its markers. */
  show(length, timeline, markers) {
    this.#length = Math.max(length, 1);
    this.#track.setAttribute("aria-valuemin", 0);
    this.#track.setAttribute("aria-valuemax", Math.round(this.#length));
    this.#svg.replaceChildren(...this.#areas(timeline));
    this.mark(markers);
    this.move(Math.min(this.#time, this.#length));
  }

  mark(markers) {
    this.#flags.replaceChildren(
      ...markers.map((marker) => {
        const flag = make("span", { class: `strip-flag ${marker.kind}` });
        flag.style.left = `${(marker.time_s / this.#length) * 100}%`;
        if (marker.end_s !== null && marker.end_s !== undefined)
          flag.style.width = `${((Math.min(marker.end_s, this.#length) - marker.time_s) / this.#length) * 100}%`;
        return flag;
      }),
    );
  }

  /** Puts the cursor to a time, without telling. */
  move(time) {
    this.#time = time;
    this.#cursor.style.left = `${Math.min(1, time / this.#length) * 100}%`;
    this.#track.setAttribute("aria-valuenow", Math.round(time));
    this.#track.setAttribute("aria-valuetext", t("{time} of {length}", { time: clock(time), length: clock(this.#length) }));
  }

  get time() {
    return this.#time;
  }

  #go(time) {
    this.move(Math.max(0, Math.min(this.#length, time)));
    this.#seek(this.#time);
  }

  #point(event) {
    const { left, width } = this.#track.getBoundingClientRect();
    this.#go(((event.clientX - left) / width) * this.#length);
  }

  #key(event) {
    const page = this.#length / 10;
    const moves = { ArrowRight: STEP_S, ArrowUp: STEP_S, ArrowLeft: -STEP_S, ArrowDown: -STEP_S, PageUp: page, PageDown: -page };
    if (event.key in moves) this.#go(this.#time + moves[event.key]);
    else if (event.key === "Home") this.#go(0);
    else if (event.key === "End") this.#go(this.#length);
    else return;
    event.preventDefault();
  }

  /** One stacked area an emotion; a gap stays where nothing was read. */
  #areas(timeline) {
    const { time_s: times, step_s: step, emotions: tracks } = timeline;
    const x = (time) => ((time / this.#length) * WIDE).toFixed(1);
    const paths = emotions().map(({ key, colour }) => [key, draw("path", { fill: colour }), []]);
    times.forEach((time, i) => {
      const values = paths.map(([key]) => tracks[key]?.value[i] ?? null);
      const sum = values.reduce((all, value) => all + (value ?? 0), 0);
      if (!sum) return;
      const [from, to] = [x(Math.max(0, time - step / 2)), x(Math.min(this.#length, time + step / 2))];
      let top = 0;
      values.forEach((value, k) => {
        const [y1, y2] = [top, top + (value ?? 0) / sum].map((share) => (TALL * share).toFixed(1));
        top += (value ?? 0) / sum;
        paths[k][2].push(`M${from} ${y1}H${to}V${y2}H${from}z`);
      });
    });
    return paths.map(([, path, parts]) => {
      path.setAttribute("d", parts.join(""));
      return path;
    });
  }
}

/** The legend of the strip: a dot and a name an emotion. */
export function legend() {
  return make(
    "ul",
    { class: "legend" },
    ...emotions().map(({ key, colour }) => {
      const dot = make("span", { class: "mood-dot", "aria-hidden": "true" });
      dot.style.backgroundColor = colour;
      return make("li", {}, dot, make("span", { t: () => emotions().find((one) => one.key === key).name }));
    }),
  );
}
