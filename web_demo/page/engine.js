/** The models of a package in onnxruntime-web, each used only after its golden test. */

import { compareGolden } from "./logits.js";
import { PackageError } from "./package.js";

/** @typedef {(input: Float32Array) => Promise<Float32Array>} Run (3, size, size) -> the logits */

/**
 * Load the runtime. It takes the number of threads once and for all: another number needs another worker.
 * @param {import("./package.js").Package} pack @param {number} threads
 * @returns {Promise<any>}
 */
export async function loadRuntime(pack, threads) {
  const module = new Blob([pack.file("ort.wasm.bundle.min.mjs")], { type: "text/javascript" });
  const ort = await import(URL.createObjectURL(module)); // kept, as threads start from it again
  ort.env.logLevel = "error";
  ort.env.wasm.wasmBinary = pack.file("ort-wasm-simd-threaded.wasm");
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.proxy = false;
  return ort;
}

/**
 * Load a model and run its golden test.
 * @param {any} ort @param {import("./package.js").Package} pack @param {import("./package.js").PackedModel} model
 * @returns {Promise<{run: Run, test: ReturnType<typeof compareGolden>, loadMs: number, firstMs: number}>}
 * @throws {PackageError} it computes something else here
 */
export async function openModel(ort, pack, model) {
  const size = pack.document.input.image_size;
  const start = performance.now();
  const session = await ort.InferenceSession.create(pack.file(model.file), { executionProviders: ["wasm"] });
  /** @type {Run} */
  const run = async (input) => {
    const tensor = new ort.Tensor("float32", input, [1, 3, size, size]);
    const output = (await session.run({ [session.inputNames[0]]: tensor }))[session.outputNames[0]];
    const logits = Float32Array.from(output.data);
    output.dispose();
    if (logits.length !== pack.document.classes || !logits.every(Number.isFinite)) {
      throw new Error(`${model.file} does not give ${pack.document.classes} finite logits`);
    }
    return logits;
  };
  const loaded = performance.now();
  const inputs = pack.rows(pack.document.golden_input);
  const found = [await run(inputs[0])];
  const first = performance.now();
  for (const input of inputs.slice(1)) {
    found.push(await run(input));
  }
  const test = compareGolden(pack.rows(model.golden_output), found, model.least_sqnr_db);
  if (!test.passed) {
    throw new PackageError(
      `${model.file} does not compute here what it computed where it was made: its golden logits are up to`
      + ` ${test.maxDifference.toPrecision(3)} apart, and less than ${model.least_sqnr_db} dB SQNR`);
  }
  return { run, test, loadMs: loaded - start, firstMs: first - loaded };
}
