// Boxes and labels over the picture, drawn in the page so that they never hold the picture up.
import { capital, emotion, lower, percent, reasonName, stateName, t } from "./words.js";

const GONE_MS = 700;
const FOLLOW_MS = 90;
const FONT = '600 15px system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif';
const NEUTRAL = "#d6d9de";

const still = matchMedia("(prefers-reduced-motion: reduce)");

/** What the label over a face says. */
export function caption(face) {
  if (face.state === "withheld") {
    const state = capital(stateName("withheld"));
    return face.reason ? `${state}: ${lower(reasonName(face.reason))}` : state;
  }
  if (!face.label) return t("reading…");
  const { name } = emotion(face.label);
  const share = percent(face.probabilities?.[face.label] ?? 0);
  return face.state === "uncertain" ? `${name}? · ${lower(stateName("uncertain"))}` : `${name} ${share}`;
}

export class Overlay {
  #canvas;
  #faces = new Map();
  #running = false;
  #last = 0;
  mirrored = false;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  update(result) {
    const now = performance.now();
    const scale = [result.width, result.height, result.width, result.height];
    result.faces.forEach((face, place) => {
      const key = face.id ?? `place ${place}`;
      const target = face.box.map((edge, i) => edge / scale[i]);
      const known = this.#faces.get(key);
      this.#faces.set(key, { face, target, box: known ? known.box : target, seen: now });
    });
    if (!this.#running) {
      this.#running = true;
      this.#last = now;
      requestAnimationFrame((at) => this.#draw(at));
    }
  }

  clear() {
    this.#faces.clear();
    this.#canvas.getContext("2d").clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  #draw(at) {
    const passed = Math.max(0, at - this.#last);
    this.#last = at;
    const pull = still.matches ? 1 : 1 - Math.exp(-passed / FOLLOW_MS);
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const dense = devicePixelRatio || 1;
    if (this.#canvas.width !== Math.round(width * dense) || this.#canvas.height !== Math.round(height * dense)) {
      this.#canvas.width = Math.round(width * dense);
      this.#canvas.height = Math.round(height * dense);
    }
    const pen = this.#canvas.getContext("2d");
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, width, height);
    for (const [key, entry] of this.#faces) {
      const age = performance.now() - entry.seen;
      if (age > GONE_MS && !document.body.matches('[data-state="paused"]')) {
        this.#faces.delete(key);
        continue;
      }
      entry.box = entry.box.map((edge, i) => edge + (entry.target[i] - edge) * pull);
      this.#drawFace(pen, entry, width, height);
    }
    if (this.#faces.size) requestAnimationFrame((next) => this.#draw(next));
    else this.#running = false;
  }

  #drawFace(pen, { face, box }, width, height) {
    let [x1, y1, x2, y2] = [box[0] * width, box[1] * height, box[2] * width, box[3] * height];
    if (this.mirrored) [x1, x2] = [width - x2, width - x1];
    const colour = face.label ? emotion(face.label).colour : NEUTRAL;
    const radius = Math.min(14, (x2 - x1) / 6);
    pen.setLineDash(face.state === "sure" ? [] : face.state === "uncertain" ? [9, 7] : [2, 6]);
    pen.lineCap = "round";
    for (const [style, line] of [["rgba(10, 14, 18, 0.55)", 5], [colour, 2.5]]) {
      pen.strokeStyle = style;
      pen.lineWidth = line;
      pen.beginPath();
      pen.roundRect(x1, y1, x2 - x1, y2 - y1, radius);
      pen.stroke();
    }
    pen.setLineDash([]);
    this.#drawCaption(pen, caption(face), face.label ? colour : null, x1, y1, y2, width, height);
  }

  #drawCaption(pen, text, colour, x1, y1, y2, width, height) {
    pen.font = FONT;
    const dot = colour ? 18 : 0;
    const w = pen.measureText(text).width + 22 + dot;
    const h = 28;
    const x = Math.max(4, Math.min(x1, width - w - 4));
    let y = y1 - h - 7;
    if (y < 4) y = Math.min(y2 + 7, height - h - 4);
    pen.fillStyle = "rgba(14, 18, 22, 0.86)";
    pen.beginPath();
    pen.roundRect(x, y, w, h, 14);
    pen.fill();
    if (colour) {
      pen.fillStyle = colour;
      pen.beginPath();
      pen.arc(x + 17, y + h / 2, 5.5, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.fillStyle = "#ffffff";
    pen.textBaseline = "middle";
    pen.fillText(text, x + 11 + dot, y + h / 2 + 1);
  }
}
