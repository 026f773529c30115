/** All work of the page, so that it never freezes: asked by messages `{id, ask, …}`, which each get one answer. */

import { imagenetClasses, pairClasses } from "./classes.js";
import { loadRuntime, openModel } from "./engine.js";
import { arrange } from "./image_folder.js";
import { predictedClass, softmax, topClasses } from "./logits.js";
import { Package } from "./package.js";
import { decoded, pixelsOf } from "./photograph.js";
import { normalised, square } from "./preprocess.js";

/** A time of fewer steps of the clock would be rounded too much; and how many inferences tell how long one takes. */
const LEAST_STEPS = 20;
const TRIED = 10;

/** @type {Package} */
let pack;
/** Of each model, in the order of model.json. @type {Awaited<ReturnType<typeof openModel>>[]} */
let models = [];

/** @type {Record<string, (request: any) => Promise<any>>} */
const ANSWERS = { open, classify, imageSet, judge, time };

/** One after the other: a model cannot run twice at once. */
let queue = Promise.resolve();
self.onmessage = ({ data }) => {
  queue = queue.then(() => answer(data));
};

/** @param {any} request */
async function answer(request) {
  try {
    self.postMessage({ id: request.id, answer: await ANSWERS[request.ask](request) });
  } catch (error) {
    self.postMessage({ id: request.id, refused: reason(error) });
  }
}

/** @param {unknown} error */
function reason(error) {
  const text = error instanceof Error ? error.message : String(error);
  const memory = error instanceof RangeError && /alloc|memory|array length/i.test(text);
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

/** Which of the files of a folder are images, and the output of each class folder. @param {{paths: string[]}} request */
async function imageSet({ paths }) {
  const { images, folders, passedOver } = arrange(paths);
  if (!folders) {
    return { images, passedOver, outputs: null, rule: null };
  }
  const imagenet = imagenetClasses(pack.text("imagenet_classes.csv"));
  const { rule, index } = pairClasses(folders, pack.document.classes, pack.labels, imagenet);
  return { images, passedOver, outputs: Object.fromEntries(index), rule };
}

/** The logits of each model of a picture as it is stored, as evaluations take them. @param {{file: Blob}} request */
async function judge({ file }) {
  const { picture } = await decoded(file, true);
  const seen = square(picture, pack.document.input);
  const input = normalised(seen, pack.document.input);
  const logits = [];
  for (const { engine } of models) {
    logits.push(await engine.run(input));
  }
  return { logits, predicted: logits.map(predictedClass), seen };
}

/**
 * Time the models in turns, so that what slows the device for a while slows all alike.
 * @param {{id: number, rounds: number, runs: number, warmUp: number}} request
 * @returns {Promise<{rounds: number[][][], step: number, together: number}>} milliseconds of each model, round and run;
 *   the clock's step; how many inferences each of these times is the mean of, as one may be shorter than the step
 */
async function time({ id, rounds, runs, warmUp }) {
  const [input] = pack.rows(pack.document.golden_input);
  const taken = models.map(() => /** @type {number[][]} */ ([]));
  const step = clockStep();
  let together = 1;
  for (const { engine } of models) {
    const each = (await timeOf(engine, input, TRIED)) / TRIED;
    together = Math.max(together, Math.ceil((LEAST_STEPS * step) / Math.max(each, step / TRIED)));
  }
  for (let round = 0; round < rounds; round++) {
    self.postMessage({ id, progress: `timing, round ${round + 1} of ${rounds}` });
    for (const [i, { engine }] of models.entries()) {
      const times = [];
      for (let run = -warmUp; run < runs; run++) {
        times.push((await timeOf(engine, input, together)) / together);
      }
      taken[i].push(times.slice(warmUp));
    }
  }
  return { rounds: taken, step, together };
}

/** Milliseconds of so many inferences. @param {any} engine @param {Float32Array} input @param {number} count */
async function timeOf(engine, input, count) {
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    await engine.run(input);
  }
  return performance.now() - start;
}

/** The least that two readings of the clock differ by, milliseconds. */
function clockStep() {
  let least = Infinity;
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    let now = start;
    while (now === start) {
      now = performance.now();
    }
    least = Math.min(least, now - start);
  }
  return least;
}

/** @param {ImageBitmap} frame */
function taken(frame) {
  try {
    return pixelsOf(frame);
  } finally {
    frame.close();
  }
}
