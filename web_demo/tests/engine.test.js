/** What a model answers is logits, or refused. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { openModel } from "../page/engine.js";

/** A runtime whose model answers one after the other of these. @param {number[][]} answers */
function runtime(answers) {
  const run = async () => ({ logits: { data: Float32Array.from(answers.shift() ?? []), dispose() {} } });
  const session = { inputNames: ["pixels"], outputNames: ["logits"], run };
  return { Tensor: class {}, InferenceSession: { create: async () => session } };
}

const GOLDEN = Float32Array.of(1, 2);
const PACK = {
  document: { classes: 2, input: { image_size: 1 }, golden_input: "in" },
  file: () => new Uint8Array(), rows: (array) => (array === "in" ? [Float32Array.of(0, 0, 0)] : [GOLDEN]),
};
const MODEL = { file: "model.onnx", golden_output: "out", least_sqnr_db: 30 };

test("what is no logits is refused, also after the golden test", async () => {
  for (const answer of [[NaN, 1], [Infinity, 1], [1], [1, 2, 3], []]) {
    const { run } = await openModel(runtime([[1, 2], [3, 4], answer]), PACK, MODEL);
    assert.deepEqual([...await run(GOLDEN)], [3, 4]);
    await assert.rejects(run(GOLDEN), { message: "model.onnx does not give 2 finite logits" });
    await assert.rejects(openModel(runtime([answer]), PACK, MODEL), /2 finite logits/);
  }
});
