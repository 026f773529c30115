/** A folder that is dropped is read whole, a part at a time, as browsers give it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { droppedFolder, filesIn } from "../page/verify.js";

const PART = 100;

const fileEntry = (name) => ({ isFile: true, name, file: (resolve) => resolve({ called: name }) });

function folderEntry(name, entries) {
  const createReader = () => {
    let at = 0;
    return { readEntries: (resolve) => { resolve(entries.slice(at, at + PART)); at += PART; } };
  };
  return { isFile: false, isDirectory: true, name, createReader };
}

test("all files with their paths", async () => {
  const many = Array.from({ length: 250 }, (_, i) => fileEntry(`${i}.jpg`));
  const folder = folderEntry("val", [folderEntry("hat", many), folderEntry("boot", []), fileEntry("notes.txt")]);
  const found = await filesIn(folder);
  assert.equal(found.length, 251);
  assert.deepEqual(found[249], { path: "val/hat/249.jpg", file: { called: "249.jpg" } });
  assert.equal(found.at(-1).path, "val/notes.txt");
});

test("what cannot be read is an error", async () => {
  const broken = { isFile: true, name: "a.jpg", file: (_resolve, reject) => reject(new Error("gone")) };
  await assert.rejects(filesIn(folderEntry("val", [broken])), /gone/);
});

test("a folder is told from files", () => {
  const dropped = (...entries) => ({ dataTransfer: { items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })) } });
  const folder = folderEntry("val", []);
  assert.equal(droppedFolder(dropped(fileEntry("a.jpg"), folder)), folder);
  assert.equal(droppedFolder(dropped(fileEntry("a.jpg"))), null);
  assert.equal(droppedFolder(dropped()), null);
  assert.equal(droppedFolder({ dataTransfer: null }), null);
  assert.equal(droppedFolder({ dataTransfer: { items: [{}] } }), null);
});
