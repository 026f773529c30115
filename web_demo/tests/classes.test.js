/** Class folders are paired, and images found in folders, as by Python: tests/data/test_shared_pairing.py has the cases. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { imagenetClasses, PairingError, pairClasses, sortedText } from "../page/classes.js";
import { arrange } from "../page/image_folder.js";

const repository = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, repository), "utf8");
const imagenet = imagenetClasses(read("levit_edge/data/imagenet_classes.csv"));
const first = imagenet.map((each) => each.names.split(",")[0]);
const shorthand = { names: first, synsets: imagenet.map((each) => each.id), reversed: first.toReversed() };

test("ImageNet's classes are read", () => {
  assert.equal(imagenet.length, 1000);
  assert.deepEqual(imagenet[0], { id: "n01440764", names: "tench, Tinca tinca" });
  assert.deepEqual(imagenet.filter((each) => !each.id || !each.names || each.names.includes('"')), []);
});

test("pairing", () => {
  for (const { labels, outputs, names, rule, index, refused } of JSON.parse(read("tests/data/pairing.json"))) {
    const own = names && !Array.isArray(names) ? (shorthand[names.imagenet] ?? null) : names;
    const pair = () => pairClasses(labels, outputs, own, imagenet);
    if (refused) {
      assert.throws(pair, (error) => error instanceof PairingError, JSON.stringify(labels));
      continue;
    }
    const found = pair();
    assert.equal(found.rule, rule, JSON.stringify(labels));
    assert.deepEqual(labels.map((label) => found.index.get(label)), index);
  }
});

test("text is sorted by code points, as by Python", () => {
  assert.deepEqual(sortedText(["\u{1f600}", "\uff5e", "a", "Z", "ab"]), ["Z", "a", "ab", "\uff5e", "\u{1f600}"]);
});

test("folders", () => {
  const found = arrange(["b/2.JPG", "b/10.jpg", "a/x/1.png", "a/notes.txt", "a/.hidden.jpg", "__MACOSX/a/1.jpg", "c/readme"]);
  assert.deepEqual(found.images, ["a/x/1.png", "b/10.jpg", "b/2.JPG"]);
  assert.deepEqual(found.folders, ["a", "b", "c"]);
  assert.equal(found.passedOver, 2);
  assert.deepEqual(arrange(["b.webp", "a.jpg"]), { images: ["a.jpg", "b.webp"], folders: null, passedOver: 0 });
  assert.throws(() => arrange(["a.jpg", "b/c.jpg"]), /images beside the class folders: a.jpg/);
  assert.throws(() => arrange(["a.txt"]), /no images in it \(1 other files\)/);
  assert.throws(() => arrange(["train/a/1.jpg", "VAL/a/1.jpg"]), /VAL and train, which are parts of a set/);
});
