// Talking to Mimik's server: JSON there and back; what goes wrong comes as a Trouble, in words that can be translated.
import { say } from "./words.js";

const SILENT = "Mimik does not answer. Nothing was changed. Start the program again if it was stopped, then try once more.";

/** What went wrong, as an English text with values for its places. */
export class Trouble extends Error {
  constructor(text, values = {}, status = 0) {
    super(text);
    this.text = text;
    this.values = values;
    this.status = status;
  }
}

const refused = [];
const LOGGED_OUT = 401;
const PATIENCE_MS = 5000;

/** Calls back whenever the server no longer knows who this page belongs to. */
export function onRefused(listener) {
  refused.push(listener);
}

/** Whether the page has to log in (again): a browser does not tell why a connection was not opened. */
export async function lockedOut() {
  try {
    const { login_needed: needed, logged_in: person } = await ask("/settings.json", { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!needed || person) return false;
  } catch {
    return false; // it does not answer at all, which is another matter
  }
  for (const listener of refused) listener();
  return true;
}

/** Asks the server. `body`: an object goes as JSON, a string with `type` as it is. `signal` aborts. */
export async function ask(path, { method = "GET", body, type = "application/json", signal } = {}) {
  const answer = await reach(path, {
    method,
    signal,
    headers: body === undefined ? {} : { "Content-Type": type },
    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
  });
  return answer.status === 204 ? null : answer.json();
}

/** Fetches a file and hands it to the browser's downloads. */
export async function download(path, name) {
  const answer = await reach(path, {});
  const sent = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = sent ? decodeURIComponent(sent) : name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A query string of what is neither empty nor undefined, with its question mark. */
export function query(values) {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return kept.length ? `?${new URLSearchParams(kept)}` : "";
}

async function reach(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble(SILENT);
  }
  if (!answer.ok) throw trouble(answer.status, await answer.text().catch(() => ""));
  return answer;
}

/** What a refusal says: a problem of the server, or at least its number. */
export function trouble(status, text) {
  if (status === 0) return new Trouble(SILENT);
  if (status === LOGGED_OUT) for (const listener of refused) listener();
  try {
    const problem = JSON.parse(text);
    const said = problem.text ?? (typeof problem.detail === "string" ? problem.detail : problem.title);
    if (said) return new Trouble(said, problem.values ?? {}, status);
  } catch {
    // Not JSON: the general sentence below says all that is known.
  }
  return new Trouble("Mimik could not do this (error {status}). Nothing was changed; its log says more.", { status }, status);
}

/** Shows an error where it happened (an element with role alert), or clears it where null. */
export function tellTrouble(element, error) {
  element.hidden = error === null;
  if (error === null) element.textContent = "";
  else if (error instanceof Trouble) say(element, error.text, error.values);
  else {
    say(element, "Something broke in this page. What was saved stays saved. Load the page again and try once more.");
    console.error(error);
  }
}

/** Runs what a button does: the button waits, an error is told in `place`. Resolves to whether it went well. */
export async function act(button, place, work) {
  const focused = document.activeElement === button;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    await work();
    tellTrouble(place, null);
    return true;
  } catch (error) {
    tellTrouble(place, error);
    return false;
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
    if (focused && document.activeElement === document.body) button.focus({ preventScroll: true });
  }
}
