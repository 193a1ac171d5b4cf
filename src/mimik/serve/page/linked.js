// The timeline's figure moves with the strip and the video: a line at the cursor, and a click that goes there.

export class Linked {
  #goTo;
  #chart = null;
  #line = document.createElement("div");
  #time = 0;

  constructor(goTo) {
    this.#goTo = goTo;
    this.#line.className = "plot-cursor";
  }

  /** Follows what Plotly drew in an element; its x axis must be the session's time in seconds. */
  follow(chart) {
    if (chart !== this.#chart) {
      this.#chart = chart;
      // Plotly takes the press for zooming, so a click is told by what was released without moving.
      let pressed = null;
      chart.addEventListener("pointerdown", (event) => (pressed = event), true);
      addEventListener("pointerup", (event) => {
        if (pressed && Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) < 4) this.#clicked(event);
        pressed = null;
      });
      chart.on("plotly_afterplot", () => this.move(this.#time));
    }
    chart.append(this.#line);
  }

  move(time) {
    this.#time = time;
    const layout = this.#chart?._fullLayout;
    if (!layout?.xaxis) return;
    const { xaxis, _size: size } = layout;
    const at = xaxis.d2p(time);
    this.#line.hidden = at < -1 || at > xaxis._length + 1;
    this.#line.style.left = `${xaxis._offset + at}px`;
    this.#line.style.top = `${size.t}px`;
    this.#line.style.height = `${size.h}px`;
  }

  #clicked(event) {
    const axis = this.#chart._fullLayout?.xaxis;
    if (!axis) return;
    const at = event.clientX - this.#chart.getBoundingClientRect().left - axis._offset;
    if (at >= 0 && at <= axis._length) this.#goTo(axis.p2d(at));
  }
}
