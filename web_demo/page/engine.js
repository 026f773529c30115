/** The models of a package in onnxruntime-web, each used only after its golden test. */

import { compareGolden } from "./logits.js";
import { PackageError } from "./package.js";

/** A model that can run. */
export class Engine {
  /** @param {any} ort @param {any} session @param {number[]} shape */
  constructor(ort, session, shape) {
    this.ort = ort;
    this.session = session;
    this.shape = shape;
  }

  /** @param {Float32Array} input (3, size, size) @returns {Promise<Float32Array>} the logits */
  async run(input) {
    const tensor = new this.ort.Tensor("float32", input, this.shape);
    const found = await this.session.run({ [this.session.inputNames[0]]: tensor });
    const output = found[this.session.outputNames[0]];
    const logits = Float32Array.from(output.data);
    output.dispose();
    return logits;
  }
}

/**
 * Load the runtime. It takes the number of threads once and for all: another number needs another worker.
 * @param {import("./package.js").Package} pack @param {number} threads
 * @returns {Promise<any>}
 */
export async function loadRuntime(pack, threads) {
  const { module, program } = pack.runtime;
  const address = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  const ort = await import(address); // kept, as threads start from it again
  ort.env.logLevel = "error";
  ort.env.wasm.wasmBinary = program;
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.proxy = false;
  return ort;
}

/**
 * Load a model and run its golden test.
 * @param {any} ort @param {import("./package.js").Package} pack @param {import("./package.js").PackedModel} model
 * @returns {Promise<{engine: Engine, test: ReturnType<typeof compareGolden>, loadMs: number, firstMs: number}>}
 * @throws {PackageError} it computes something else here
 */
export async function openModel(ort, pack, model) {
  const size = pack.document.input.image_size;
  const start = performance.now();
  const session = await ort.InferenceSession.create(pack.file(model.file), { executionProviders: ["wasm"] });
  const engine = new Engine(ort, session, [1, 3, size, size]);
  const loaded = performance.now();
  const inputs = pack.rows(pack.document.golden_input);
  const found = [await engine.run(inputs[0])];
  const first = performance.now();
  for (const input of inputs.slice(1)) {
    found.push(await engine.run(input));
  }
  const test = compareGolden(pack.rows(model.golden_output), found, model.least_sqnr_db);
  if (!test.passed) {
    throw new PackageError(
      `${model.file} does not compute here what it computed where it was made: its golden logits are up to`
      + ` ${test.maxDifference.toPrecision(3)} apart, and less than ${model.least_sqnr_db} dB SQNR`);
  }
  return { engine, test, loadMs: loaded - start, firstMs: first - loaded };
}
