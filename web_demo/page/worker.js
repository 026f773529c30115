/** All work of the page, so that it never freezes: asked by messages `{id, ask, …}`, which each get one answer `{id, kind, value}`. */

import { FolderError, pairClasses } from "./classes.js";
import { loadRuntime, openModel } from "./engine.js";
import { arrange, folderOf, passedOverWords } from "./image_folder.js";
import { OF_MEMORY, Package } from "./package.js";
import { decoded, PhotographError, pixelsOf } from "./photograph.js";
import { normalised, square } from "./preprocess.js";

/** A time of fewer steps of the clock would be rounded too much; and how often that is tried. */
const LEAST_STEPS = 20;
const TRIALS = 3;

/** @type {Package} */
let pack;
/** Of each model, in the order of model.json. @type {Awaited<ReturnType<typeof openModel>>[]} */
let models = [];

/** @type {Record<string, (request: any) => Promise<any>>} */
const ANSWERS = { open, look, imageSet, time };

/** One after the other: a model cannot run twice at once. */
let queue = Promise.resolve();
self.onmessage = ({ data }) => {
  queue = queue.then(() => answer(data));
};

/** @param {any} request */
async function answer(request) {
  try {
    tell(request.id, "answered", await ANSWERS[request.ask](request));
  } catch (error) {
    tell(request.id, "refused", { message: reason(error), ofPicture: error instanceof PhotographError });
  }
}

/** @param {number} id of a request @param {"told" | "answered" | "refused"} kind @param {any} value */
function tell(id, kind, value) {
  self.postMessage({ id, kind, value });
}

/** @param {unknown} error */
function reason(error) {
  const text = error instanceof Error ? error.message : `the runtime failed: ${error}`; // it throws numbers, too
  const named = error instanceof FolderError; // what files are called is in it
  return OF_MEMORY.test(text) && !named ? `there is not enough memory here (${text}): close other pages and programs` : text;
}

/** Check the package, load its models and run their golden tests. @param {{id: number, embedded: any, threads: number}} request */
async function open({ id, embedded, threads }) {
  pack = await Package.open(embedded, (name) => tell(id, "told", `checking ${name}`));
  tell(id, "told", "starting the runtime");
  const ort = await loadRuntime(pack, threads);
  models = [];
  for (const model of pack.document.models) {
    tell(id, "told", `testing ${model.file}`);
    models.push(await openModel(ort, pack, model));
  }
  const { document, documentSha256, labels } = pack;
  const tests = models.map(({ test, loadMs, firstMs }, i) => ({ ...pack.document.models[i], ...test, loadMs, firstMs }));
  return { document, documentSha256, labels, tests, runtime: `onnxruntime-web ${ort.env.versions.web}`, notice: pack.text("NOTICE.txt") };
}

/**
 * What models answer of a photograph's file, or of a picture of the camera.
 * @param {{file: Blob | ImageBitmap, asked: number[], asStored: boolean}} request `asked`: of which models
 */
async function look({ file, asked, asStored }) {
  const start = performance.now();
  const { picture, turned } = file instanceof Blob ? await decoded(file, asStored) : { picture: pixelsOf(file), turned: false };
  const read = performance.now();
  const seen = square(picture, pack.document.input);
  const input = normalised(seen, pack.document.input);
  const prepared = performance.now();
  const logits = [];
  for (const model of asked) {
    logits.push(await models[model].run(input));
  }
  const ms = { decode: read - start, preprocess: prepared - read, inference: performance.now() - prepared };
  return { seen, turned, width: picture.width, height: picture.height, logits, ms };
}

/** Which of the files of a folder are images, and the output of each. @param {{found: {path: string, file?: File}[]}} request */
async function imageSet({ found }) {
  const tables = JSON.parse(pack.text("folders.json"));
  const { images, folders, passedOver } = await arrange(found, tables.files);
  const told = passedOverWords(passedOver);
  if (!folders) {
    return { images, passedOver, told, outputs: null, rule: null };
  }
  const filled = new Set(images.map(folderOf));
  const empty = folders.filter((folder) => !filled.has(folder));
  const { rule, index } = pairClasses(folders, tables.pairing, pack.labels, empty);
  return { images, passedOver, told, outputs: images.map((path) => index.get(folderOf(path))), rule };
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
  for (const { run } of models) {
    together = await longEnough(run, input, LEAST_STEPS * step, together);
  }
  for (let round = 0; round < rounds; round++) {
    tell(id, "told", `timing, round ${round + 1} of ${rounds}`);
    for (const [i, { run }] of models.entries()) {
      const times = [];
      for (let turn = -warmUp; turn < runs; turn++) {
        times.push((await timeOf(run, input, together)) / together);
      }
      taken[i].push(times.slice(warmUp));
    }
  }
  return { rounds: taken, step, together };
}

/** How many inferences, at least `count`, take `leastMs` also when they are quick. @param {import("./engine.js").Run} run @param {Float32Array} input @param {number} leastMs @param {number} count */
async function longEnough(run, input, leastMs, count) {
  for (let trial = 0; trial < TRIALS; trial++) {
    if (await timeOf(run, input, count) < leastMs) {
      count *= 2;
      trial = -1; // the first ones are slow
    }
  }
  return count;
}

/** Milliseconds of so many inferences. @param {import("./engine.js").Run} run @param {Float32Array} input @param {number} count */
async function timeOf(run, input, count) {
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    await run(input);
  }
  return performance.now() - start;
}

/** The least that two readings of the clock differ by, milliseconds. */
function clockStep() {
  const readings = new Set();
  while (readings.size <= 20) {
    readings.add(performance.now());
  }
  const times = [...readings];
  return Math.min(...times.slice(1).map((each, i) => each - times[i]));
}
