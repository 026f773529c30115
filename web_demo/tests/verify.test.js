/** A folder that is dropped is read whole, a part at a time, as browsers give it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { droppedFolders, filesOf } from "../page/verify.js";

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
  const found = await filesOf([folder]);
  assert.equal(found.length, 252);
  assert.deepEqual(found[249], { path: "hat/249.jpg", file: { called: "249.jpg" } });
  assert.deepEqual(found.slice(250).map(({ path }) => path), ["boot/", "notes.txt"]);
});

test("several folders are class folders", async () => {
  const found = await filesOf([folderEntry("hat", [fileEntry("1.jpg")]), folderEntry("boot", []), fileEntry("2.jpg")]);
  assert.deepEqual(found.map(({ path }) => path), ["hat/1.jpg", "boot/", "2.jpg"]);
  assert.deepEqual(await filesOf([folderEntry("val", [])]), []);
});

test("handles are read as entries are", async () => {
  const file = (name) => ({ kind: "file", name, getFile: async () => ({ called: name }) });
  const directory = (name, inside) => ({ kind: "directory", name, values: async function* () { yield* inside; } });
  const folder = directory("val", [directory("hat", [file("1.jpg")]), directory("boot", []), file("notes.txt")]);
  const found = await filesOf([Promise.resolve(folder)]);
  assert.deepEqual(found, [
    { path: "hat/1.jpg", file: { called: "1.jpg" } }, { path: "boot/" }, { path: "notes.txt", file: { called: "notes.txt" } },
  ]);
});

test("what cannot be read is an error", async () => {
  const broken = { isFile: true, name: "a.jpg", file: (_resolve, reject) => reject(new Error("gone")) };
  await assert.rejects(filesOf([folderEntry("val", [broken])]), /gone/);
});

test("a folder is told from files", () => {
  const dropped = (...entries) => ({ dataTransfer: { items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })) } });
  const both = [fileEntry("a.jpg"), folderEntry("val", [])];
  assert.deepEqual(droppedFolders(dropped(...both)), both);
  assert.equal(droppedFolders(dropped(fileEntry("a.jpg"))), null);
  assert.equal(droppedFolders(dropped()), null);
  assert.equal(droppedFolders({ dataTransfer: null }), null);
  assert.equal(droppedFolders({ dataTransfer: { items: [{}, { webkitGetAsEntry: () => null }] } }), null);
});
