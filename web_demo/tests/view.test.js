/** What is said of pictures. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { classified } from "../page/view.js";

test("only pictures that were read are classified, and those not shown are told of", () => {
  assert.equal(classified(1, 1), "Ready: 1 picture classified.");
  assert.equal(classified(0, 1), "Ready: 0 of 1 picture classified.");
  assert.equal(classified(40, 40), "Ready: 40 pictures classified.");
  assert.equal(classified(98, 100), "Ready: 98 of 100 pictures classified, the last 60 are shown.");
});
