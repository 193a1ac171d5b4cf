// Figures that the server drew for Plotly: placed by name, so that a new language, theme or filter moves nothing.
import { make } from "./dom.js";
import { label, say } from "./words.js";

const TALL = 320;

/** The figures of one place. `load` gives Plotly. */
export class Figures {
  #place;
  #load;
  #shown = new Map(); // name → {element, chart, title, note, table}
  #turn = 0;

  constructor(place, load) {
    this.#place = place;
    this.#load = load;
    this.#place.classList.add("figures-grid");
    // Plotly follows the window by itself, but not a place that was hidden meanwhile.
    new ResizeObserver(() => this.#fit()).observe(place);
  }

  async show(figures) {
    const turn = ++this.#turn;
    const names = new Set(figures.map(({ name }) => name));
    for (const [name, { element, chart }] of this.#shown) {
      if (names.has(name)) continue;
      globalThis.Plotly?.purge(chart);
      element.remove();
      this.#shown.delete(name);
    }
    const entries = figures.map((figure) => [figure, this.#entry(figure)]);
    for (const [, { element }] of entries) this.#place.append(element);
    const plotly = await this.#load();
    for (const [{ plotly: drawing }, entry] of entries) {
      if (turn !== this.#turn) return;
      const layout = { height: TALL, ...drawing.layout, annotations: drawing.layout.annotations?.map(plainly), autosize: true };
      await plotly.react(entry.chart, drawing.data, layout, { displayModeBar: false, responsive: false });
    }
    this.#fit();
  }

  /** The element that Plotly drew a figure in, if it is shown. */
  chart(name) {
    return this.#shown.get(name)?.chart;
  }

  clear() {
    for (const { chart } of this.#shown.values()) globalThis.Plotly?.purge(chart);
    this.#shown.clear();
    this.#place.replaceChildren();
  }

  #entry(figure) {
    const entry = this.#shown.get(figure.name) ?? this.#make(figure);
    say(entry.title, () => figure.title);
    say(entry.note, () => figure.note ?? "");
    entry.note.hidden = !figure.note;
    label(entry.chart, () => figure.alt);
    entry.chart.style.minHeight = `${figure.plotly.layout?.height ?? TALL}px`;
    entry.table.hidden = !figure.rows?.length;
    entry.table.lastElementChild.replaceChildren(figure.rows?.length ? table(figure.columns, figure.rows) : "");
    return entry;
  }

  #make({ name }) {
    const title = make("h3", {});
    const chart = make("div", { class: "plot", role: "img" });
    const frame = make("div", { class: "scrolled plot-frame" }, chart);
    const note = make("p", { class: "help" });
    const shown = make("details", { class: "behind" }, make("summary", { t: "As a table" }), make("div", { class: "scrolled", tabIndex: 0, role: "region", label: "As a table" }));
    const element = make("figure", { class: "figure", "data-figure": name }, title, frame, note, shown);
    const entry = { element, chart, title, note, table: shown };
    this.#shown.set(name, entry);
    return entry;
  }

  #fit() {
    for (const { chart } of this.#shown.values())
      if (chart.offsetParent && chart._fullLayout && Math.abs(chart._fullLayout.width - chart.clientWidth) > 1)
        globalThis.Plotly.relayout(chart, { width: chart.clientWidth });
  }
}

/** Plotly draws <b> with a style attribute, which the page's policy refuses; a font's weight does the same. */
function plainly(annotation) {
  const bold = /^<b>(.*)<\/b>$/s.exec(annotation.text ?? "");
  return bold ? { ...annotation, text: bold[1], font: { ...annotation.font, weight: "bold" } } : annotation;
}

function table(columns, rows) {
  const cells = (tag, row) => row.map((cell, place) => make(place === 0 && tag === "td" ? "th" : tag, { scope: tag === "th" ? "col" : place === 0 ? "row" : undefined }, cell));
  return make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...cells("th", columns))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells("td", row)))),
  );
}

/** Findings in words, as a list. */
export function showFindings(list, findings) {
  list.replaceChildren(...findings.map((text) => make("li", {}, text)));
}

/** Cautions of the server, as {text, values} or text alone. */
export function showWarnings(place, warnings) {
  place.hidden = !warnings.length;
  place.replaceChildren(
    ...warnings.map((one) => make("p", typeof one === "string" ? { t: one } : { t: one.text, values: one.values })),
  );
}
