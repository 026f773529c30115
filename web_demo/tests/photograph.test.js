/** Which way up a photograph was taken is what Python reads, and no browser sees EXIF. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { orientationOf } from "../page/orientation.js";
import { statedSize } from "../page/sizes.js";
import { bytes, cases } from "./vectors.js";

const orientations = cases("orientation");
const joined = (pieces) => new Uint8Array(pieces.flatMap((piece) => [...piece]));

test("orientations are Python's", () => {
  assert.equal(orientations.length, 45);
  for (const { name, file, expected } of orientations) {
    const found = orientationOf(bytes(file));
    assert.equal(found.orientation, expected, name);
    assert.equal(found.turned, name.includes("avif"), name);
  }
});

test("also where EXIF is elsewhere, or otherwise, than cameras write it", () => {
  const unusual = cases("unusual orientation");
  assert.deepEqual(new Set(unusual.map(({ expected }) => expected)), new Set([1, 6]));
  for (const { name, file, expected } of unusual) {
    assert.equal(orientationOf(bytes(file)).orientation, expected, name);
  }
});

test("nothing is left of EXIF", () => {
  for (const { name, file } of orientations.filter((each) => !each.name.includes("avif"))) {
    const left = joined(orientationOf(bytes(file)).pieces);
    assert.equal(orientationOf(left).orientation, 1, name);
    assert.ok(left.length > 100, name);
  }
});

test("damaged files say nothing that cannot be, and are read to an end", () => {
  for (const { file } of orientations.filter((each) => each.name.endsWith("-6"))) {
    const whole = bytes(file);
    for (let length = 0; length < whole.length; length++) {
      assert.ok([1, 6].includes(orientationOf(whole.slice(0, length)).orientation));
    }
    for (let at = 2; at < whole.length; at++) {
      const changed = whole.slice();
      changed.fill(0xff, at, at + 4);
      const { orientation } = orientationOf(changed);
      assert.ok(orientation >= 1 && orientation <= 8);
    }
  }
  assert.equal(orientationOf(new Uint8Array()).orientation, 1);
});

test("the size is known before anything is decoded", () => {
  for (const { name, file, size } of cases("sizes")) {
    const whole = bytes(file);
    assert.deepEqual(statedSize(whole), size, name);
    for (let length = 0; length < 40; length++) {
      statedSize(whole.slice(0, length)); // does not throw
    }
  }
});
