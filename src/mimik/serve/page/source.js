// The server's source: pictures come at the camera's rate and are drawn as they come; results come on their own.
import { Recent, address, farewell, unpack } from "./wire.js";

export class ServerSource {
  #canvas;
  #told;
  #socket = null;
  #running = false;
  #paused = false;
  #newest = -1;
  #shown = new Recent();
  #server = { result_fps: 0, latency_p50_ms: 0, latency_p95_ms: 0, dropped: 0 };
  mirrored = false;

  /** `told` has hello(token), recording(message), result(message), notice(text, values), trouble(title, text, values),
   * ended(), size(width, height). */
  constructor(canvas, told) {
    this.#canvas = canvas;
    this.#told = told;
  }

  async start() {
    const socket = new WebSocket(address("/ws/source"));
    this.#socket = socket;
    this.#running = true;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => {
      if (!this.#running) return;
      if (typeof event.data === "string") this.#hear(JSON.parse(event.data));
      else void this.#show(event.data);
    });
    socket.addEventListener("close", async (event) => {
      if (!this.#running) return;
      const silent = ["Mimik does not answer", "The program was stopped, it seems. Start it and then start again."];
      const why = (await farewell(event)) ?? silent;
      if (this.#running) this.#told.trouble(...why);
    });
  }

  pause(paused) {
    this.#paused = paused;
    // Pictures that are not acknowledged hold back those behind them, so a paused page costs nothing.
    if (!paused) for (let i = 0; i < 3; i++) this.#acknowledge();
  }

  stop() {
    this.#running = false;
    this.#socket?.close();
  }

  statistics() {
    return {
      shown: this.#shown.rate(),
      read: this.#server.result_fps,
      p50: this.#server.latency_p50_ms,
      p95: this.#server.latency_p95_ms,
      dropped: this.#server.dropped,
    };
  }

  #hear(message) {
    if (message.type === "hello") this.#told.hello(message.live);
    else if (message.type === "recording") this.#told.recording(message);
    else if (message.type === "result") {
      if (!this.#paused) this.#told.result(message);
    } else if (message.type === "statistics") this.#server = message;
    else if (message.type === "notice") this.#told.notice(message.text, message.values);
    else if (message.type === "error") this.#told.trouble("The source cannot be shown", message.text, message.values);
    else if (message.type === "ended") this.#told.ended();
  }

  async #show(buffer) {
    const { index, blob } = unpack(buffer);
    const picture = await createImageBitmap(blob);
    if (this.#running && !this.#paused && index >= this.#newest) {
      this.#newest = index;
      if (this.#canvas.width !== picture.width || this.#canvas.height !== picture.height) {
        this.#canvas.width = picture.width;
        this.#canvas.height = picture.height;
        this.#told.size(picture.width, picture.height);
      }
      this.#canvas.getContext("2d", { alpha: false }).drawImage(picture, 0, 0);
      this.#shown.add();
    }
    picture.close();
    if (!this.#paused) this.#acknowledge();
  }

  #acknowledge() {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send('{"type":"shown"}');
  }
}
