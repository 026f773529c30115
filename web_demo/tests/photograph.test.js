/** Which way up a JPEG was taken is what Python reads. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { orientationTag } from "../page/photograph.js";
import { bytes, cases } from "./vectors.js";

test("EXIF of JPEG", () => {
  const jpegs = cases("orientation").filter(({ name }) => name.startsWith("orientation-jpeg-"));
  assert.equal(jpegs.length, 9);
  for (const { name, file, expected } of jpegs) {
    assert.equal(orientationTag(bytes(file))?.value ?? 1, expected, name);
  }
});

test("damaged EXIF says nothing", () => {
  const whole = bytes(cases("orientation").find(({ name }) => name === "orientation-jpeg-6").file);
  for (let length = 0; length < 120; length++) {
    orientationTag(whole.slice(0, length));
  }
  const endless = whole.slice();
  endless.fill(0xff, 20, 40);
  assert.equal(orientationTag(endless), null);
  assert.equal(orientationTag(Uint8Array.of(0x89, 0x50, 0x4e, 0x47)), null);
});
