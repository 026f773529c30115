/** Class folders are paired, and images found in folders, as by Python: tests/data/test_shared_pairing.py has the cases. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { FolderError, pairClasses, sortedText } from "../page/classes.js";
import { arrange, passedOverWords } from "../page/image_folder.js";
import { tables } from "./vectors.js";

const FOLDERS = JSON.parse(readFileSync(new URL("../../tests/data/folders.json", import.meta.url), "utf8"));
const { pairing, files: TABLE } = tables();

/** The list, or the numbers of which only the first and the last are stated, with so many digits at least. */
function numbers(stated) {
  if (Array.isArray(stated)) {
    return stated;
  }
  const [low, high] = stated.numbers;
  return Array.from({ length: high - low + 1 }, (_, i) => String(low + i).padStart(stated.digits, "0"));
}

test("pairing", () => {
  assert.ok(pairing.length > 90);
  for (const { labels, names, table, empty, rule, index, refused } of pairing) {
    const told = JSON.stringify(labels);
    const pair = () => pairClasses(numbers(labels), table, names, empty);
    if (refused) {
      assert.throws(pair, (error) => error instanceof FolderError && new RegExp(refused).test(error.message), told);
      continue;
    }
    const found = pair();
    assert.equal(found.rule, rule, told);
    assert.deepEqual(numbers(labels).map((label) => found.index.get(label)), numbers(index).map(Number), told);
  }
});

test("text is sorted by code points, as by Python", () => {
  assert.deepEqual(sortedText(["\u{1f600}", "\uff5e", "a", "Z", "ab"]), ["Z", "a", "ab", "\uff5e", "\u{1f600}"]);
});

test("folders", async () => {
  for (const { files, images, folders, passed_over: passedOver, refused } of FOLDERS) {
    const found = Object.entries(files).map(([path, head]) => ({ path, file: new Blob([Buffer.from(head, "latin1")]) }));
    if (refused) {
      await assert.rejects(arrange(found, TABLE), new RegExp(refused), JSON.stringify(files));
    } else {
      assert.deepEqual(await arrange(found, TABLE), { images, folders, passedOver });
    }
  }
});

test("what is passed over is told", () => {
  assert.equal(passedOverWords({ HEIC: 3, "no image": 3, "JPEG 2000": 1 }), "7 files passed over: 3 HEIC, 1 JPEG 2000, 3 no image");
  assert.equal(passedOverWords({ HEIC: 1 }), "1 file passed over: 1 HEIC");
  assert.equal(passedOverWords({}), "");
});

test("a file without an ending that cannot be read is counted as such", async () => {
  const gone = { slice: () => ({ arrayBuffer: () => Promise.reject(new Error("gone")) }) };
  const found = await arrange([{ path: "a.jpg", file: new Blob() }, { path: "b", file: gone }], TABLE);
  assert.deepEqual(found.passedOver, { unreadable: 1 });
});
