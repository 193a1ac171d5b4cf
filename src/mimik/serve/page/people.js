// A card for each person in the picture: numbers change at most four times a second, so that they can be read.
import { History } from "./chart.js";
import { capital, decimal, emotion, emotions, fill, lower, percent, reasonName, stateName, t } from "./words.js";

const STEP_MS = 250;
const GONE_MS = 4000;
const SAY_MS = 3000;

export class People {
  #cards = new Map();
  #place;
  #nobody;
  #announcer;
  #said = -Infinity;
  #drawn = 0;

  constructor(place, nobody, announcer) {
    this.#place = place;
    this.#nobody = nobody;
    this.#announcer = announcer;
  }

  update(result) {
    const now = performance.now();
    for (const face of result.faces) {
      if (face.id === null) continue;
      const card = this.#cards.get(face.id) ?? this.#add(face.id);
      card.face = face;
      card.seen = now;
    }
    if (now - this.#drawn < STEP_MS) return;
    this.#drawn = now;
    for (const [id, card] of this.#cards) {
      if (now - card.seen > GONE_MS) this.#remove(id, card);
      else {
        card.away = now - card.seen > 1000;
        card.element.classList.toggle("away", card.away);
        card.history.add(card.away ? null : card.face.probabilities, now);
        this.#draw(card);
      }
    }
    this.#nobody.hidden = this.#cards.size > 0;
    this.#announce(now);
  }

  /** Writes every card again, in another language say. */
  redraw() {
    for (const card of this.#cards.values()) {
      fill(card.element);
      this.#name(card);
      this.#draw(card);
    }
  }

  clear() {
    for (const [id, card] of this.#cards) this.#remove(id, card);
    this.#nobody.hidden = false;
    this.#announcer.textContent = "";
  }

  #add(id) {
    const element = document.querySelector("#card").content.firstElementChild.cloneNode(true);
    const bars = new Map();
    for (const { key, colour } of emotions()) {
      const row = document.createElement("li");
      const [name, track, share] = ["name", "track", "share"].map((kind) => {
        const part = document.createElement("span");
        part.className = kind;
        row.append(part);
        return part;
      });
      const bar = document.createElement("span");
      bar.className = "fill";
      bar.style.backgroundColor = colour;
      track.append(bar);
      bars.set(key, { row, name, bar, share });
      element.querySelector(".bars").append(row);
    }
    const part = (name) => element.querySelector(name);
    const looks = document.createElement("p");
    looks.className = "state";
    looks.hidden = true;
    part(".state").after(looks);
    const card = {
      id,
      element,
      bars,
      label: part(".label"),
      who: part(".who"),
      confidence: part(".confidence"),
      state: part(".state"),
      looks,
      swatch: part(".swatch"),
      dot: part(".dot"),
      circumplex: part(".circumplex svg"),
      derived: part(".circumplex figcaption"),
      history: new History(part(".chart")),
      face: null,
      seen: 0,
      away: false,
      said: null,
    };
    fill(element);
    this.#cards.set(id, card);
    this.#name(card);
    this.#place.append(element);
    this.#drawn = 0; // nobody is shown an empty card
    return card;
  }

  #remove(id, card) {
    card.history.remove();
    card.element.remove();
    this.#cards.delete(id);
  }

  #name(card) {
    card.who.textContent = t("Person {id}", { id: card.id });
    for (const { key, name } of emotions()) card.bars.get(key).name.textContent = name;
  }

  #draw(card) {
    const { face } = card;
    const label = face.label && emotion(face.label);
    const withheld = face.state === "withheld";
    card.element.dataset.state = face.state;
    card.element.dataset.label = face.label ?? "";
    card.label.textContent = label ? label.name : withheld ? capital(stateName("withheld")) : t("reading…");
    card.swatch.style.backgroundColor = label ? label.colour : "transparent";
    card.confidence.textContent = label && face.probabilities ? percent(face.probabilities[face.label]) : "";
    card.state.textContent = card.away ? t("Out of the picture") : this.#state(face);
    this.#drawLooks(card);
    for (const [key, { row, bar, share }] of card.bars) {
      const value = face.probabilities?.[key];
      bar.style.transform = `translateX(${((value ?? 0) - 1) * 100}%)`;
      share.textContent = value === undefined ? "–" : percent(value);
      row.classList.toggle("shown", key === face.label);
    }
    const known = face.valence !== null;
    card.dot.style.visibility = known ? "visible" : "hidden";
    if (known) {
      card.dot.setAttribute("cx", face.valence);
      card.dot.setAttribute("cy", -face.arousal);
    }
    const values = {
      valence: known ? decimal(face.valence, 1, "exceptZero") : "–",
      arousal: known ? decimal(face.arousal, 1, "exceptZero") : "–",
    };
    card.derived.textContent = t("valence {valence}, arousal {arousal}", values);
    card.circumplex.setAttribute("aria-label", card.derived.textContent);
    card.derived.title = t("Right: pleasant, left: unpleasant, up: excited, down: calm; derived from the seven probabilities");
  }

  /** Age and gender, only where they were switched on. */
  #drawLooks({ face, looks }) {
    looks.hidden = !face.age;
    if (!face.age) return;
    const [low, high] = face.age;
    const gender = face.gender === "female" ? t("female") : t("male");
    const age = t("looks about {low}–{high}", { low, high });
    const appears = t("appears {gender}, {share}", { gender, share: percent(face.gender_probability) });
    looks.textContent = capital(`${age} · ${appears}`);
    looks.title = t("Rough guesses by two small networks that may well be wrong: the range is no promise, the probability is not calibrated, and they know two genders only.");
  }

  #state({ state, reason }) {
    if (reason === null) return capital(stateName(state));
    const why = lower(reasonName(reason));
    return state === "withheld" ? t("The model reads nothing here: {reason}", { reason: why }) : `${capital(stateName(state))} · ${why}`;
  }

  /** Says one changed label aloud, not more often than every three seconds. */
  #announce(now) {
    if (now - this.#said < SAY_MS) return;
    for (const card of this.#cards.values()) {
      const { face, said } = card;
      if (!face.label || face.label === said) continue;
      card.said = face.label;
      this.#said = now;
      this.#announcer.textContent = t("Person {id} looks {label}", {
        id: card.id,
        label: lower(emotion(face.label).name),
      });
      return;
    }
  }
}
