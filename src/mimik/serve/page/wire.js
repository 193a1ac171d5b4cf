// The binary messages' head: index (uint32) and time in seconds (float64), little-endian. See serve/messages.py.

import { lockedOut } from "./api.js";

const HEAD = 12;
const REFUSED = 1008;
const BUSY = 1013;

/** What a closed connection means, as [title, text]; null where it may be tried again. */
export async function farewell({ code }) {
  if (code === BUSY) return ["Mimik is busy", "It watches for as many at once as it may. Start again in a while."];
  if (await lockedOut())
    return ["Mimik ended the connection", "This page is logged out: its key was revoked or has run out, or somebody logged out. What was recorded is saved."];
  return code === REFUSED ? ["Mimik ended the connection", "It does not let this page watch. Load the page again and try once more."] : null;
}

export function address(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}

export async function pack(index, seconds, blob) {
  const head = new DataView(new ArrayBuffer(HEAD));
  head.setUint32(0, index, true);
  head.setFloat64(4, seconds, true);
  return new Blob([head.buffer, blob]).arrayBuffer();
}

export function unpack(buffer) {
  const head = new DataView(buffer, 0, HEAD);
  return {
    index: head.getUint32(0, true),
    seconds: head.getFloat64(4, true),
    blob: new Blob([new Uint8Array(buffer, HEAD)], { type: "image/jpeg" }),
  };
}

/** Events and values of the last seconds. */
export class Recent {
  #entries = [];

  constructor(seconds = 5) {
    this.seconds = seconds;
  }

  add(value = 0, now = performance.now()) {
    this.#entries.push([now, value]);
    this.#forget(now);
  }

  /** Events a second. */
  rate(now = performance.now()) {
    this.#forget(now);
    const first = this.#entries[0]?.[0];
    if (this.#entries.length < 2) return 0;
    return ((this.#entries.length - 1) * 1000) / Math.max(this.#entries.at(-1)[0] - first, 1);
  }

  /** The value that a share of the others does not exceed. */
  quantile(share) {
    const values = this.#entries.map((entry) => entry[1]).sort((a, b) => a - b);
    return values.length ? values[Math.min(values.length - 1, Math.floor(share * values.length))] : 0;
  }

  get length() {
    return this.#entries.length;
  }

  #forget(now) {
    while (this.#entries.length && this.#entries[0][0] < now - this.seconds * 1000) this.#entries.shift();
  }
}
