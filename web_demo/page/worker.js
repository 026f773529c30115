/** All work of the page, so that it never freezes: asked by messages `{id, ask, …}`, which each get one answer. */

import { loadRuntime, openModel } from "./engine.js";
import { softmax, topClasses } from "./logits.js";
import { Package } from "./package.js";
import { decoded, pixelsOf } from "./photograph.js";
import { normalised, square } from "./preprocess.js";

/** @type {Package} */
let pack;
/** Of each model, in the order of model.json. @type {Awaited<ReturnType<typeof openModel>>[]} */
let models = [];

/** @type {Record<string, (request: any) => Promise<any>>} */
const ANSWERS = { open, classify };

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ id: data.id, answer: await ANSWERS[data.ask](data) });
  } catch (error) {
    self.postMessage({ id: data.id, refused: reason(error) });
  }
};

/** @param {unknown} error */
function reason(error) {
  const text = error instanceof Error ? error.message : String(error);
  const memory = error instanceof RangeError && /alloc|memory|length/i.test(text);
  return memory ? `there is not enough memory here (${text}): close other pages` : text;
}

/** Check the package, load its models and run their golden tests. */
async function open({ id, embedded, threads }) {
  const tell = (/** @type {string} */ progress) => self.postMessage({ id, progress });
  pack = await Package.open(embedded, (name) => tell(`checking ${name}`));
  tell("starting the runtime");
  const ort = await loadRuntime(pack, threads);
  models = [];
  for (const model of pack.models) {
    tell(`testing ${model.file}`);
    models.push(await openModel(ort, pack, model));
  }
  const { document, documentSha256, labels } = pack;
  const tests = models.map(({ test, loadMs, firstMs }, i) => ({ ...pack.models[i], ...test, loadMs, firstMs }));
  return { document, documentSha256, labels, tests, runtime: `onnxruntime-web ${ort.env.versions.web}`, notice: pack.text("NOTICE.txt") };
}

/**
 * The likeliest classes of a photograph's file, or of a picture of the camera.
 * @param {{file: Blob | ImageBitmap, model: number, top: number}} request
 */
async function classify({ file, model, top }) {
  const start = performance.now();
  const { picture, turned } = file instanceof Blob ? await decoded(file) : { picture: taken(file), turned: false };
  const read = performance.now();
  const seen = square(picture, pack.document.input);
  const input = normalised(seen, pack.document.input);
  const prepared = performance.now();
  const logits = await models[model].engine.run(input);
  const done = performance.now();
  const probabilities = softmax(logits);
  return {
    seen, turned, width: picture.width, height: picture.height,
    guesses: topClasses(logits, top).map((index) => ({ label: pack.labels[index], probability: probabilities[index] })),
    ms: { decode: read - start, preprocess: prepared - read, inference: done - prepared },
  };
}

/** @param {ImageBitmap} frame */
function taken(frame) {
  try {
    return pixelsOf(frame);
  } finally {
    frame.close();
  }
}
