"use strict";
// Draws every figure from the JSON beside it. The page asks no network for anything.
(() => {
  const charts = [...document.querySelectorAll("[data-chart]")];
  const config = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: "reset" };
  // What paper is wide between the margins of an A4 page, in CSS pixels.
  const PAPER = 680;

  const narrow = (layout) => {
    const width = document.documentElement.clientWidth;
    const margin = layout.margin;
    const spare = width < 600 ? Math.max(0, margin.l - 110) : 0;
    return { ...layout, margin: { ...margin, l: margin.l - spare } };
  };

  for (const chart of charts) {
    const { data, layout } = JSON.parse(document.getElementById(chart.dataset.chart).textContent);
    chart.replaceChildren();
    Plotly.newPlot(chart, data, narrow(layout), config);
  }
  addEventListener("beforeprint", () => charts.forEach((chart) => Plotly.relayout(chart, { width: PAPER, autosize: false })));
  addEventListener("afterprint", () => charts.forEach((chart) => Plotly.relayout(chart, { width: null, autosize: true })));
  document.documentElement.classList.add("spoken");
})();
