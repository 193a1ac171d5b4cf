// The door: where the server wants a key, the page asks for it, and says what a key is and where one comes from.
import { act, ask, tellTrouble, Trouble } from "./api.js";
import { near } from "./elsewhere.js";
import { field, make } from "./dom.js";
import { say, t } from "./words.js";

const WRONG = 401;

/** What each scope of a key allows, and the places of the page that need it. */
export const SCOPES = {
  live: "the live view and its recordings",
  sessions: "sessions and videos",
  analyze: "reading pictures from programs",
  rekognition: "Amazon's clients",
  admin: "seeing and deleting what is stored",
  metrics: "the server's figures",
};

export class Login {
  #entered;
  #why = make("p", { class: "trouble", role: "alert", hidden: true });
  #trouble = make("p", { class: "trouble", role: "alert", hidden: true });
  #key = make("input", { type: "password", autocomplete: "current-password", spellcheck: false, autocapitalize: "off", required: true, maxLength: 200 });
  #show = make("button", { type: "button", "aria-pressed": "false", t: "Show" });
  #enter = make("button", { type: "submit", class: "primary", t: "Log in" });

  /** `entered` is called once the server has let the page in. */
  constructor(place, entered) {
    this.#entered = entered;
    const key = field("Key", this.#key, "It begins with mimik_ and was shown once, when it was made.");
    this.#key.replaceWith(make("div", { class: "key-line" }));
    key.querySelector(".key-line").append(this.#key, this.#show);
    this.#show.addEventListener("click", () => this.#reveal(this.#key.type === "password"));
    const form = make("form", { class: "login-form" }, key, this.#trouble, this.#enter);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    const command = (text) => make("pre", { tabIndex: 0 }, make("code", {}, text));
    place.append(
      make(
        "div",
        { class: "panel login" },
        make("h1", { t: "Log in" }),
        make("p", { class: "lead", t: "This Mimik reads faces only for people and programs that have a key." }),
        this.#why,
        near || location.protocol === "https:"
          ? null
          : make("p", { class: "trouble", t: "This page is not encrypted: the key, and everything after it, can be read on its way. Ask for an address that begins with https://." }),
        form,
        make(
          "details",
          {},
          make("summary", { t: "What is a key, and where do I get one?" }),
          make("p", { t: "A key lets one person or program in, for what it was made for, until it is revoked. Whoever runs this server makes one there with:" }),
          command("mimik key create --name NAME --scope live --scope sessions"),
          make("p", { t: "The command shows the key once; Mimik itself keeps only a fingerprint of it. A lost key cannot be had back: it is revoked, and another is made." }),
          make("p", { t: "This page does not keep the key either. The browser keeps a cookie until you log out, until the server is started again, or until the key is revoked." }),
        ),
      ),
    );
  }

  show() {
    this.#key.focus({ preventScroll: true });
  }

  hide() {
    this.#forget();
    tellTrouble(this.#why, null);
    tellTrouble(this.#trouble, null);
  }

  /** Says why the form is there, where the page was in use already; null: nothing. */
  explain(text) {
    this.#why.hidden = text === null;
    if (text !== null) say(this.#why, text);
  }

  async #submit() {
    const entered = await act(this.#enter, this.#trouble, async () => {
      try {
        await ask("/v1/login", { method: "POST", body: { key: this.#key.value.trim() } });
      } catch (error) {
        if (error.status !== WRONG) throw error;
        throw new Trouble("This key is not accepted. Was all of it copied? It may also have been revoked, or have run out.", {}, WRONG);
      }
    });
    if (entered) await this.#entered();
    else this.#key.select();
  }

  #reveal(shown) {
    this.#key.type = shown ? "text" : "password";
    this.#show.setAttribute("aria-pressed", String(shown));
  }

  #forget() {
    this.#key.value = "";
    this.#reveal(false);
  }
}

/** What a key allows, in words. */
export function allowed(scopes) {
  return scopes.map((scope) => t(SCOPES[scope] ?? scope)).join(", ");
}
