// The rolling minute of one person: seven bands that fill the height. Plotly comes from its Python package, when needed.
import { emotions } from "./words.js";

const SPAN_S = 60;
const STEP_MS = 1000;
const GAP_MS = 1500;

let loading = null;

/** Loads Plotly once; `styles` names the style sheets for maps that it would add, against the page's policy. */
export function loadPlotly(styles) {
  loading ??= new Promise((done, failed) => {
    for (const id of styles) {
      const there = document.createElement("meta");
      there.id = id;
      document.head.append(there);
    }
    const script = document.createElement("script");
    script.src = "/plotly.min.js";
    script.addEventListener("load", () => done(globalThis.Plotly));
    script.addEventListener("error", failed);
    document.head.append(script);
  });
  return loading;
}

export class History {
  #element;
  #entries = [];
  #drawn = 0;
  #drawing = false;

  constructor(element) {
    this.#element = element;
  }

  add(probabilities, now) {
    const last = this.#entries.at(-1);
    if (last && now - last.now > GAP_MS) {
      // Nothing was read in between, paused say: the chart must not join what lies on either side.
      this.#entries.push({ now: last.now + 1, probabilities: null }, { now: now - 1, probabilities: null });
    }
    this.#entries.push({ now, probabilities });
    while (this.#entries[0].now < now - (SPAN_S + 2) * 1000) this.#entries.shift();
    if (now - this.#drawn >= STEP_MS && !this.#drawing) {
      this.#drawn = now;
      void this.#draw(now);
    }
  }

  remove() {
    globalThis.Plotly?.purge(this.#element);
    this.#entries = [];
  }

  async #draw(now) {
    this.#drawing = true;
    const plotly = await loading;
    const x = this.#entries.map((entry) => (entry.now - now) / 1000);
    const traces = emotions().map(({ key, colour }) => ({
      x,
      y: this.#entries.map((entry) => (entry.probabilities?.[key] ?? 0) * 100),
      stackgroup: "all",
      mode: "none",
      fillcolor: colour,
      hoverinfo: "skip",
    }));
    const style = getComputedStyle(document.documentElement);
    const layout = {
      width: this.#element.clientWidth,
      height: this.#element.clientHeight,
      margin: { l: 0, r: 0, t: 0, b: 0 },
      showlegend: false,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: style.getPropertyValue("--sunk").trim(),
      xaxis: { range: [-SPAN_S, 0], visible: false, fixedrange: true },
      yaxis: { range: [0, 100], visible: false, fixedrange: true },
    };
    if (layout.width > 0 && this.#entries.length) {
      await plotly.react(this.#element, traces, layout, { staticPlot: true, displayModeBar: false });
    }
    this.#drawing = false;
  }
}
