/** The pixels and numbers that a model sees are those of Pillow and numpy, bit for bit. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { normalised, square } from "../page/preprocess.js";
import { resize } from "../page/resize.js";
import { bytes, cases, floats, picture, withAlpha } from "./vectors.js";

for (const kind of ["resize", "filters"]) {
  test(`${kind}: the pixels are Pillow's`, () => {
    for (const { name, interpolation, source, expected } of cases(kind)) {
      const [height, width] = expected.shape;
      const part = { width, height, left: 0, top: 0, columns: width, rows: height };
      const found = resize(withAlpha(picture(source)), interpolation, part);
      assert.deepEqual(Buffer.from(found.data), Buffer.from(bytes(expected)), name);
    }
  });
}

for (const kind of ["input", "protocols"]) {
  test(`${kind}: the square and its numbers are those of levit-edge`, () => {
    for (const { name, format, source, pixels, expected } of cases(kind)) {
      const found = square(withAlpha(picture(source)), format);
      assert.deepEqual(Buffer.from(found.data), Buffer.from(bytes(pixels)), name);
      assert.deepEqual(normalised(found, format), floats(expected), name);
    }
  });
}

test("a part is the same as in the whole", () => {
  const source = picture(cases("input")[0].source);
  const whole = resize(source, "bicubic", { width: 20, height: 31, left: 0, top: 0, columns: 20, rows: 31 });
  const part = resize(source, "bicubic", { width: 20, height: 31, left: 7, top: 11, columns: 6, rows: 5 });
  for (let y = 0; y < 5; y++) {
    const at = 3 * (20 * (11 + y) + 7);
    assert.deepEqual(part.data.subarray(18 * y, 18 * y + 18), whole.data.subarray(at, at + 18));
  }
});

test("what would not fit into memory is refused", () => {
  const thin = { data: new Uint8Array(3 * 30_000_000), width: 30_000_000, height: 1, channels: 3 };
  const format = { image_size: 224, resize: 256, interpolation: "bicubic", crop: "center", mean: [0, 0, 0], std: [1, 1, 1] };
  assert.throws(() => square(thin, format), /30000000 × 1 pixels are too elongated/);
});
