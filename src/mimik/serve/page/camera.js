// The visitor's own camera: the video plays by itself; one picture at a time goes to the server, as large as its answers
// come quickly.
import { Recent, address, farewell, pack } from "./wire.js";

const SIDES = [320, 400, 480, 560, 640, 800, 960];
const SLOW_MS = 200;
const QUICK_MS = 90;
const ENOUGH = 8;
const LOST_MS = 8000;
const HIDDEN_MS = 300;
const RETRIES_MS = [500, 1000, 2000, 4000, 8000];

/** What to say of an error of getUserMedia: [title, text]. */
export function cameraTrouble(error) {
  switch (error?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return [
        "The camera was not allowed",
        "Allow the camera for this page, by the sign in the address bar, and start again.",
      ];
    case "NotFoundError":
    case "OverconstrainedError":
      return ["No camera was found", "Plug a camera in, or switch it on, and start again."];
    case "NotReadableError":
    case "AbortError":
      return ["The camera is busy", "Another program seems to use it. Close that program and start again."];
    default:
      return [
        "This browser does not give the camera",
        "Use a current browser, and open this page over HTTPS or, on the computer that runs Mimik, as http://127.0.0.1.",
      ];
  }
}

/** Where no browser gives a camera, what to say of it: [title, text]; null where one may be had. */
export function noCamera() {
  if (globalThis.isSecureContext) return null;
  return [
    "A browser gives no camera to this address",
    "It gives one to pages over HTTPS only, or on the computer that runs Mimik as http://127.0.0.1. Ask whoever runs this server for an https:// address; docs/server.md says how to set one up. Everything but the camera works here.",
  ];
}

/** The camera that was chosen, or any where it is gone. */
async function userMedia(device) {
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
  const which = device ? { deviceId: { exact: device } } : { facingMode: "user" };
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...size, ...which }, audio: false });
  } catch (error) {
    if (!device || !["OverconstrainedError", "NotFoundError"].includes(error?.name)) throw error;
    return navigator.mediaDevices.getUserMedia({ video: { ...size, facingMode: "user" }, audio: false });
  }
}

export class VisitorCamera {
  #video;
  #told;
  #limit;
  #media = null;
  #socket = null;
  #canvas = document.createElement("canvas");
  #size = 4;
  #number = 0;
  #sent = null;
  #camera = new Recent();
  #answers = new Recent();
  #sinceChange = new Recent(60);
  #dropped = 0;
  #retries = 0;
  #timer = 0;
  #ticker = null;
  #running = false;
  #paused = false;

  /** `told` has hello(token), recording(message), result(message), notice(text, values), trouble(title, text, values). */
  constructor(video, limit, told) {
    this.#video = video;
    this.#limit = limit;
    this.#told = told;
  }

  /** Whether the picture is shown as in a mirror, as people expect of a camera that faces them. */
  get mirrored() {
    return this.#media?.getVideoTracks()[0]?.getSettings().facingMode !== "environment";
  }

  /** `device`: the id of the camera to take, or null for the browser's choice. */
  async start(device = null) {
    await this.#open(device);
    this.#running = true;
    this.#connect();
    this.#watch();
  }

  /** Goes over to another camera without leaving the server, so that a recording goes on. */
  async change(device) {
    const before = this.#media;
    const kept = this.device;
    try {
      await this.#open(device);
    } catch (error) {
      if (error?.name !== "NotReadableError") throw error;
      // Phones open one camera at a time: once more with the first one closed, which is opened again if that fails.
      for (const track of before?.getTracks() ?? []) track.stop();
      try {
        await this.#open(device);
      } catch (again) {
        await this.#open(kept);
        throw again;
      }
    }
    for (const track of before?.getTracks() ?? []) track.stop();
  }

  /** Whether the camera still gives pictures. */
  get alive() {
    return this.#media?.getVideoTracks()[0]?.readyState === "live";
  }

  /** Closes the camera at once; the connection stays, for a recording that is to be ended. */
  halt() {
    this.#paused = true;
    for (const track of this.#media?.getTracks() ?? []) track.stop();
  }

  /** The camera's id, as the browser names it. */
  get device() {
    return this.#media?.getVideoTracks()[0]?.getSettings().deviceId ?? null;
  }

  async #open(device) {
    const media = await userMedia(device);
    media.getVideoTracks()[0].addEventListener("ended", () => {
      if (this.#running && this.#media === media)
        this.#told.trouble("The camera is gone", "It was unplugged or switched off. Start again.");
    });
    this.#media = media;
    this.#video.srcObject = media;
    await this.#video.play();
  }

  pause(paused) {
    this.#paused = paused;
    if (paused) this.#video.pause();
    else void this.#video.play();
  }

  stop() {
    this.#running = false;
    this.#ticker?.terminate();
    clearTimeout(this.#timer);
    this.#socket?.close();
    for (const track of this.#media?.getTracks() ?? []) track.stop();
    this.#video.srcObject = null;
  }

  statistics() {
    return {
      shown: this.#camera.rate(),
      read: this.#answers.rate(),
      p50: this.#answers.quantile(0.5),
      p95: this.#answers.quantile(0.95),
      dropped: this.#dropped,
    };
  }

  #connect() {
    const socket = new WebSocket(address("/ws/camera"));
    this.#socket = socket;
    this.#sent = null;
    socket.addEventListener("open", () => {
      if (this.#retries) this.#told.notice("Connected again.");
      this.#retries = 0;
    });
    socket.addEventListener("message", (event) => this.#answered(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => void this.#closed(event));
  }

  async #closed(event) {
    if (!this.#running) return;
    const why = await farewell(event);
    if (!this.#running) return;
    const wait = RETRIES_MS[this.#retries++];
    if (why !== null) this.#told.trouble(...why);
    else if (wait === undefined)
      this.#told.trouble("Mimik does not answer", "The program was stopped, it seems. Start it and then start again.");
    else {
      this.#told.notice("The connection to Mimik was lost. Trying again…");
      this.#timer = setTimeout(() => this.#connect(), wait);
    }
  }

  /** Looks at every picture of the camera; sends it if the last one is answered. */
  #watch() {
    let looked = performance.now();
    const look = (now, about) => {
      if (!this.#running) return;
      next();
      see(now, about);
    };
    const see = (now, about) => {
      looked = performance.now();
      if (this.#paused) return;
      this.#camera.add();
      if (this.#sent && now - this.#sent.at > LOST_MS) this.#sent = null;
      if (this.#socket.readyState !== WebSocket.OPEN) return;
      if (this.#sent) this.#dropped += 1;
      else void this.#send(about?.captureTime ?? now);
    };
    const next = () => {
      if (this.#video.requestVideoFrameCallback) this.#video.requestVideoFrameCallback(look);
      else setTimeout(() => look(performance.now()), 33);
    };
    next();
    // Where the picture is not shown, in another place or behind another window, the browser tells of no pictures; a
    // recording goes on all the same.
    this.#ticker = new Worker("/page/ticker.js");
    this.#ticker.addEventListener("message", () => {
      if (this.#running && performance.now() - looked > HIDDEN_MS) see(performance.now());
    });
  }

  async #send(captured) {
    const { videoWidth, videoHeight } = this.#video;
    if (!videoWidth) return;
    const number = this.#number++ >>> 0;
    this.#sent = { number, at: performance.now(), captured };
    const shrink = Math.min(1, Math.min(SIDES[this.#size], this.#limit) / Math.max(videoWidth, videoHeight));
    this.#canvas.width = Math.round(videoWidth * shrink);
    this.#canvas.height = Math.round(videoHeight * shrink);
    this.#canvas.getContext("2d", { alpha: false }).drawImage(this.#video, 0, 0, this.#canvas.width, this.#canvas.height);
    const quality = this.#size < 3 ? 0.75 : 0.85;
    const blob = await new Promise((done) => this.#canvas.toBlob(done, "image/jpeg", quality));
    const message = blob && (await pack(number, captured / 1000, blob));
    if (message && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message);
    else this.#sent = null;
  }

  #answered(message) {
    if (message.type === "hello") this.#told.hello(message.live);
    else if (message.type === "recording") this.#told.recording(message);
    else if (message.type === "notice") this.#told.notice(message.text, message.values);
    else this.#take(message);
  }

  #take(message) {
    const sent = this.#sent;
    if (!sent || message.index !== sent.number) return;
    this.#sent = null;
    if (!this.#running || this.#paused) return;
    if (message.type === "error") {
      this.#told.notice(message.text, message.values);
      return;
    }
    const now = performance.now();
    this.#answers.add(now - Math.min(sent.captured, sent.at));
    this.#sinceChange.add(now - sent.at);
    this.#adapt();
    this.#told.result(message);
  }

  #adapt() {
    if (this.#sinceChange.length < ENOUGH) return;
    const usual = this.#sinceChange.quantile(0.5);
    if (usual > SLOW_MS && this.#size > 0) this.#size -= 1;
    else if (usual < QUICK_MS && this.#size < SIDES.length - 1) this.#size += 1;
    this.#sinceChange = new Recent(60);
  }
}
