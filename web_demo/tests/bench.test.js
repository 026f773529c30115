/** What `levit-edge bench --on web` asks a page for, behind the `#` of its address. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { settingsIn } from "../page/bench.js";

test("the settings of the command", () => {
  const asked = "#bench&rounds=20&runs=5&warm_up=1&threads=1,2";
  assert.deepEqual(settingsIn(asked), { rounds: 20, runs: 5, warmUp: 1, threads: [1, 2] });
});

test("without a request there are none", () => {
  for (const hash of ["", "#", "#top", "#rounds=3"]) {
    assert.equal(settingsIn(hash), null);
  }
});

test("numbers that are none, or too many, are made ones that can be", () => {
  const found = settingsIn("#bench&rounds=-3&runs=1e99&warm_up=x&threads=0,9,-1,a");
  assert.deepEqual(found, { rounds: 1, runs: 100_000, warmUp: 0, threads: [9] });
  assert.deepEqual(settingsIn("#bench").threads, [1]);
  assert.deepEqual(settingsIn("#bench&threads=1000").threads, []);
});
