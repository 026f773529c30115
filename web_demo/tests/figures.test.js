/** Probabilities, percentiles, intervals and hashes are those of Python. */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { compareGolden, softmax, topClasses } from "../page/logits.js";
import { sha256 } from "../page/sha256.js";
import { isFlip, pairedInterval, percentile, tally } from "../page/statistics.js";
import { cases } from "./vectors.js";

/** Of a figure: exponentials and roots of different libraries differ in their last bit. */
const LARGEST_DIFFERENCE = 1e-12;

function assertClose(found, expected) {
  assert.equal(found.length, expected.length);
  expected.forEach((each, i) => {
    assert.ok(Math.abs(found[i] - each) <= LARGEST_DIFFERENCE * Math.max(1, Math.abs(each)), `${found[i]} is not ${each}`);
  });
}

test("probabilities and order", () => {
  for (const { logits, probabilities, top } of cases("ranking")) {
    assertClose([...softmax(logits)], probabilities);
    assert.deepEqual(topClasses(logits, 5), top);
  }
});

test("huge logits do not overflow", () => {
  assert.deepEqual([...softmax([3e38, 3e38, -3e38])], [0.5, 0.5, 0]);
});

test("percentiles", () => {
  for (const { values, percents, expected } of cases("percentiles")) {
    assertClose(percents.map((percent) => percentile(values, percent)), expected);
  }
});

test("the interval of the paired drop", () => {
  for (const { lost, gained, samples, expected } of cases("intervals")) {
    assertClose(pairedInterval(lost, gained, samples), expected);
  }
});

test("counts of two models", () => {
  for (const { logits, labels, ...expected } of cases("tallies")) {
    const outcomes = labels.map((label, i) => ({ label, tops: logits.map((each) => topClasses(each[i], 5)) }));
    assert.deepEqual(tally(outcomes, 2), expected);
    assert.equal(outcomes.filter(isFlip).length, expected.lost + expected.gained);
  }
});

test("counts of one model, and without labels", () => {
  const outcomes = [{ label: 1, tops: [[1, 0]] }, { label: 0, tops: [[1, 0]] }];
  assert.deepEqual(tally(outcomes, 1), { top1: [1], top5: [2], same: 0, lost: 0, gained: 0 });
  assert.equal(outcomes.some(isFlip), false);
  const unlabelled = [{ label: null, tops: [[1, 0], [1, 0]] }, { label: null, tops: [[1, 0], [0, 1]] }];
  assert.deepEqual(tally(unlabelled, 2), { top1: [0, 0], top5: [0, 0], same: 1, lost: 0, gained: 0 });
});

test("golden logits: as far apart as may be, and a little more", () => {
  const rows = (array) => array.map((row) => Float32Array.from(row));
  for (const { golden, found, least_sqnr_db, passed, max_difference } of cases("golden")) {
    const result = compareGolden(rows(golden), rows(found), least_sqnr_db);
    assert.equal(result.passed, passed);
    assertClose([result.maxDifference], [max_difference]);
  }
  const golden = rows([[1, 2]]);
  assert.equal(compareGolden(golden, golden, 80).sqnrDb, Infinity);
  for (const wrong of [[[NaN, 2]], [[1, Infinity]], [[1]], []]) {
    assert.equal(compareGolden(golden, wrong, 20).passed, false);
  }
});

test("SHA-256", () => {
  const lengths = [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 2 ** 20 + 3];
  for (const length of lengths) {
    const data = new Uint8Array(randomBytes(length + 1)).subarray(1);
    assert.equal(sha256(data), createHash("sha256").update(data).digest("hex"), `${length} bytes`);
  }
});
