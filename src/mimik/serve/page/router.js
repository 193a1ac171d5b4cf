// Which place the address names: #/live, #/analyse, #/sessions, #/sessions/ID, #/compare?a=…&b=…, #/settings.

const PLACES = ["live", "analyse", "sessions", "compare", "settings"];

/** The place, the id after it ("" for none) and the query. */
export function where(hash = location.hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [place, id = ""] = path.split("/");
  return { place: PLACES.includes(place) ? place : "live", id: decodeURIComponent(id), query: new URLSearchParams(search) };
}

export function go(hash) {
  location.hash = hash;
}

/** Changes the address without a visit of its own in the history. */
export function replace(hash) {
  history.replaceState(null, "", hash);
}
