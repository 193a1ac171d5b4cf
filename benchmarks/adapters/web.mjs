// @vladmandic/face-api and @vladmandic/human on the WASM backend, in Node; the protocol is that of protocol.py.
//
//     node web.mjs face-api|human PACKAGES FFMPEG
//
// Node reads no videos: frames come as raw RGB from FFmpeg, whose time counts, as OpenCV's does with the others.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';
import { pathToFileURL } from 'node:url';

const [name, packages, ffmpeg] = process.argv.slice(2);
const require = createRequire(path.join(packages, 'package.json'));
const folder = path.join(packages, 'node_modules');
const say = (value) => fs.writeSync(1, `${JSON.stringify(value)}\n`);
console.log = console.info = console.warn = console.error;

// Models are read from the disk: nothing is fetched.
const fetched = globalThis.fetch;
globalThis.fetch = async (address, options) => {
  const text = String(address?.url ?? address);
  return text.startsWith('file://') ? new Response(fs.readFileSync(new URL(text))) : fetched(address, options);
};

let tf;
let read;
let network;
const versions = { node: process.version };

async function load() {
  tf = require('@tensorflow/tfjs');
  const wasm = require('@tensorflow/tfjs-backend-wasm');
  // With `true` as a second argument it would look for them on the network.
  wasm.setWasmPaths(`${path.join(folder, '@tensorflow/tfjs-backend-wasm/dist')}/`);
  await tf.setBackend('wasm');
  await tf.ready();
  versions.tfjs = tf.version_core ?? tf.version?.['tfjs-core'];
  versions[name] = JSON.parse(fs.readFileSync(path.join(folder, '@vladmandic', name, 'package.json'), 'utf8')).version;
  if (name === 'face-api') await loadFaceApi();
  else await loadHuman();
  return { versions };
}

async function loadFaceApi() {
  const faceapi = require(path.join(folder, '@vladmandic/face-api/dist/face-api.node-wasm.js'));
  const models = path.join(folder, '@vladmandic/face-api/model');
  await faceapi.nets.ssdMobilenetv1.loadFromDisk(models);
  await faceapi.nets.faceExpressionNet.loadFromDisk(models);
  const options = new faceapi.SsdMobilenetv1Options({ minConfidence: 0.5, maxResults: 10 });
  read = async (image) => (await faceapi.detectAllFaces(image, options).withFaceExpressions()).length;
  const face = tf.randomUniform([112, 112, 3], 0, 255);
  network = async () => faceapi.nets.faceExpressionNet.predictExpressions(face);
}

async function loadHuman() {
  // By its path: the package's own list of exports is written in a way that Node does not read.
  const { Human } = require(path.join(folder, '@vladmandic/human/dist/human.node-wasm.js'));
  const models = pathToFileURL(path.join(folder, '@vladmandic/human/models')).href + '/';
  const off = { enabled: false };
  const human = new Human({
    backend: 'wasm',
    wasmPath: `${path.join(folder, '@tensorflow/tfjs-backend-wasm/dist')}/`,
    modelBasePath: models,
    cacheSensitivity: 0, // every frame is read
    debug: false,
    body: off, hand: off, gesture: off, object: off, filter: off, segmentation: off,
    face: {
      enabled: true, emotion: { enabled: true, skipFrames: 0, skipTime: 0 },
      detector: { rotation: false, maxDetected: 10, skipFrames: 0, skipTime: 0 },
      mesh: off, iris: off, description: off, antispoof: off, liveness: off, attention: off,
    },
  });
  await human.load();
  read = async (image) => {
    const result = await human.detect(image);
    if (result.error) throw new Error(result.error);
    return result.face.length;
  };
  const graph = human.models.models?.emotion ?? human.models.emotion;
  const face = human.tf.randomUniform([1, 64, 64, 1]);
  network = async () => {
    const out = graph.execute(face);
    await out.data();
    human.tf.dispose(out);
  };
  tf = human.tf;
}

// Width and height from the clip's own name, which the runner chose: `NAME-640x352-60.mp4`.
async function clip(file) {
  const [width, height] = /-(\d+)x(\d+)-/.exec(path.basename(file)).slice(1).map(Number);
  const size = width * height * 3;
  const decoder = spawn(ffmpeg, ['-v', 'error', '-i', file, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let frames = 0; let hits = 0; let faces = 0; let left = [];  let held = 0;
  for await (const chunk of decoder.stdout) {
    left.push(chunk); held += chunk.length;
    while (held >= size) {
      const all = Buffer.concat(left, held);
      const image = tf.tensor3d(new Uint8Array(all.subarray(0, size)), [height, width, 3], 'int32');
      left = [all.subarray(size)]; held -= size;
      const count = await read(image);
      tf.dispose(image);
      frames += 1; faces += count; hits += count > 0 ? 1 : 0;
    }
  }
  return { frames, hits, faces };
}

async function answer(asked) {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  if (asked.do === 'load') { const told = await load(); return { load_s: seconds(), ...told }; }
  if (asked.do === 'clip') { const told = await clip(asked.path); return { ...told, seconds: seconds() }; }
  if (asked.do === 'network') {
    const times = [];
    for (let number = -Math.max(1, Math.floor(asked.repeats / 6)); number < asked.repeats; number += 1) {
      const from = performance.now();
      for (let face = 0; face < asked.batch; face += 1) await network();
      if (number >= 0) times.push(performance.now() - from);
    }
    times.sort((a, b) => a - b);
    return { ms: times[times.length >> 1], times_ms: times };
  }
  return { unsupported: true };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let said;
  try { said = await answer(JSON.parse(line)); } catch (error) { said = { error: String(error?.stack ?? error) }; }
  say(said);
}
