// The mood of the group: how the readings of the last minute are shared among the seven expressions.
import { make } from "./dom.js";
import { emotions, label, percent, t } from "./words.js";

const SPAN_MS = 60_000;
const STEP_MS = 250;
const BIN_MS = 500;

export class Mood {
  #bar;
  #bins = []; // [{at, counts: {happy: 3, …}}]
  #drawn = -Infinity;
  #parts = new Map();

  constructor(bar, shares) {
    this.#bar = bar;
    for (const { key, colour } of emotions()) {
      const segment = make("span", { class: "mood-segment" });
      segment.style.backgroundColor = colour;
      const dot = make("span", { class: "mood-dot" });
      dot.style.backgroundColor = colour;
      const share = make("span", { class: "mood-share" });
      const row = make("li", {}, dot, make("span", { t: () => emotions().find((one) => one.key === key).name }), share);
      bar.append(segment);
      shares.append(row);
      this.#parts.set(key, { segment, share, row });
    }
    label(bar, () => this.#spoken());
  }

  update(result, now = performance.now()) {
    let bin = this.#bins.at(-1);
    if (!bin || now - bin.at >= BIN_MS) this.#bins.push((bin = { at: now, counts: {} }));
    for (const { label: shown } of result.faces) if (shown) bin.counts[shown] = (bin.counts[shown] ?? 0) + 1;
    while (this.#bins[0].at < now - SPAN_MS) this.#bins.shift();
    if (now - this.#drawn < STEP_MS) return;
    this.#drawn = now;
    this.redraw();
  }

  clear() {
    this.#bins = [];
    this.#drawn = -Infinity;
    this.redraw();
  }

  /** Expression → share of the last minute's readings, or null before there are any. */
  shares() {
    const sums = Object.fromEntries(emotions().map(({ key }) => [key, 0]));
    let all = 0;
    for (const { counts } of this.#bins)
      for (const [key, count] of Object.entries(counts)) {
        sums[key] += count;
        all += count;
      }
    return all ? Object.fromEntries(Object.entries(sums).map(([key, sum]) => [key, sum / all])) : null;
  }

  redraw() {
    const shares = this.shares();
    for (const [key, { segment, share, row }] of this.#parts) {
      segment.style.width = `${(shares?.[key] ?? 0) * 100}%`;
      share.textContent = shares ? percent(shares[key]) : "–";
      row.classList.toggle("none", !shares || shares[key] < 0.005);
    }
    label(this.#bar, () => this.#spoken());
  }

  #spoken() {
    const shares = this.shares();
    if (!shares) return t("Nobody has been read yet.");
    const sorted = emotions().filter(({ key }) => shares[key] >= 0.005).sort((a, b) => shares[b.key] - shares[a.key]);
    return sorted.map(({ key, name }) => `${name} ${percent(shares[key])}`).join(", ");
  }
}
