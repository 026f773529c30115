/** A package in a page is used as it was packed, or refused. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";

import { Package, PackageError } from "../page/package.js";

const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const embed = (data) => gzipSync(data).toString("base64");
const FILES = {
  "labels.txt": Buffer.from("hat\nblå\n"),
  "golden_input.f32": Buffer.from(Float32Array.of(1, 2, 3, 4).buffer),
};
const ARRAY = { file: "golden_input.f32", shape: [2, 2] };

/** What a page has of these files, with changes to its document. */
function page(files = FILES, changes = {}) {
  const listed = Object.fromEntries(Object.entries(files).map(([name, data]) => [name, { size_bytes: data.length, sha256: sha256(data) }]));
  const document = { schema_version: 1, purpose: "web", classes: 2, labels_file: "labels.txt", models: [], files: listed, ...changes };
  const json = Buffer.from(JSON.stringify(document));
  const texts = Object.entries({ ...files, "model.json": json }).map(([name, data]) => [name, embed(data)]);
  return { texts: Object.fromEntries(texts), sha256: sha256(json) };
}

function open(embedded) {
  return Package.open(embedded, () => {});
}

test("files, labels and arrays", async () => {
  const told = [];
  const pack = await Package.open(page(), (name) => told.push(name));
  assert.deepEqual(pack.labels, ["hat", "blå"]);
  assert.deepEqual(pack.rows(ARRAY), [Float32Array.of(1, 2), Float32Array.of(3, 4)]);
  assert.deepEqual(told, ["labels.txt", "golden_input.f32"]);
});

test("labels end where Python ends lines", async () => {
  const labels = Buffer.from("a\r\nb\u2028c\vd\x85e");
  const pack = await open(page({ ...FILES, "labels.txt": labels }, { classes: 5 }));
  assert.deepEqual(pack.labels, ["a", "b", "c", "d", "e"]);
});

test("what was changed is refused", async () => {
  const { texts, sha256: digest } = page();
  const changed = (edits) => ({ texts: { ...texts, ...edits }, sha256: digest });
  const { "labels.txt": labels, ...without } = texts;
  const noJson = Buffer.from("{");
  const cases = [
    [changed({ "labels.txt": embed(Buffer.from("hat\ncap\n!")) }), /^labels.txt is damaged or was changed/],
    [changed({ "labels.txt": "no base64!" }), /^labels.txt is damaged or was changed/],
    [changed({ "labels.txt": btoa("no gzip") }), /^labels.txt is damaged or was changed/],
    [changed({ "labels.txt": labels.slice(0, -8) }), /^labels.txt is damaged or was changed/],
    [{ texts, sha256: "0".repeat(64) }, /^model.json is damaged or was changed/],
    [{ texts: without, sha256: digest }, /^there is no labels.txt in the page/],
    [{ texts: {}, sha256: undefined }, /^there is no model.json in the page/],
    [page(FILES, { schema_version: 3 }), /is of version 3 for web/],
    [page(FILES, { purpose: "board" }), /is of version 1 for board/],
    [page(FILES, { classes: 3 }), /^2 labels for 3 classes/],
    [page({ ...FILES, "labels.txt": Buffer.of(0xff, 10, 65) }), /^labels.txt is not UTF-8/],
    [{ texts: { "model.json": embed(noJson) }, sha256: sha256(noJson) }, /^model.json is not JSON/],
  ];
  for (const [embedded, message] of cases) {
    await assert.rejects(open(embedded), (error) => error instanceof PackageError && message.test(error.message), String(message));
  }
});

test("arrays of other shapes, and what is no number, are refused", async () => {
  const files = { ...FILES, "golden_input.f32": Buffer.from(Float32Array.of(1, NaN, 3, 4).buffer) };
  const pack = await open(page(files));
  assert.throws(() => pack.rows(ARRAY), /is not 2 × 2 finite numbers/);
  for (const shape of [[3, 1], [2, 1], [2, 3]]) {
    assert.throws(() => pack.rows({ ...ARRAY, shape }), PackageError);
  }
  assert.throws(() => pack.rows({ ...ARRAY, file: "other.f32" }), /there is no other.f32/);
});

test("files beside the page are those of the document that the page names", async (context) => {
  const { texts, sha256: digest } = page();
  const contents = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, gunzipSync(Buffer.from(text, "base64"))]));
  const address = "https://example.org/site/package/";
  context.mock.method(globalThis, "fetch", async (asked) => new Response(contents[asked.slice(address.length)]));
  const pack = await open({ texts: {}, address, sha256: digest });
  assert.deepEqual(pack.labels, ["hat", "blå"]);
  contents["model.json"] = Buffer.concat([contents["model.json"], Buffer.from(" ")]);
  await assert.rejects(open({ texts: {}, address, sha256: digest }), /model.json is damaged or was changed/);
});
