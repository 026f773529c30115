/** The page: starts the worker, and takes pictures once its self-test has passed. */

import { offerBenchmark, sendFailure } from "./bench.js";
import { offerCamera } from "./camera.js";
import { Client, takeEmbedded } from "./client.js";
import { alone } from "./turns.js";
import { droppedFolders, offerVerify } from "./verify.js";
import { addResult, at, classified, element, guessList, refusal, refuse, resultOf, say, sentenceOf, showPackage, timesOf } from "./view.js";

const TOP = 5;
/** The smallest module with an instruction of WebAssembly's SIMD. */
const SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);
const BROWSERS = "Chrome and Edge 110, Firefox 115 and Safari 16.4, and newer ones, have all that this page needs";

/** @throws {Error} this browser lacks something */
function requireBrowser() {
  const needed = {
    "WebAssembly with SIMD": typeof WebAssembly === "object" && WebAssembly.validate(SIMD),
    DecompressionStream: typeof DecompressionStream === "function",
    OffscreenCanvas: typeof OffscreenCanvas === "function",
  };
  const [absent] = Object.entries(needed).find(([, there]) => !there) ?? [];
  if (absent) {
    throw new Error(`This browser lacks ${absent}: ${BROWSERS}`);
  }
}

async function start() {
  try {
    requireBrowser();
    const client = new Client((error) => refuse(`Reload this page: ${sentenceOf(error)}`));
    const embedded = takeEmbedded();
    const opened = await client.ask("open", { embedded, threads: 1 }, say);
    showPackage(opened, performance.now());
    const stopCamera = offerCamera(client, opened);
    takePictures(client, opened, offerVerify(client, opened, stopCamera));
    offerBenchmark(opened, embedded, stopCamera);
    at("more").hidden = false;
    say("Ready.", "ready");
  } catch (error) {
    refuse(sentenceOf(error));
    sendFailure(error);
    at("tests").append(element("li", { class: "failed" }, "the self-test has not passed"));
  }
}

/** @param {Client} client @param {any} opened @param {(folders: any[]) => void} takeFolders */
function takePictures(client, opened, takeFolders) {
  at("model").append(...opened.tests.map((/** @type {any} */ test, /** @type {number} */ i) => element("option", { value: i }, test.precision)));
  at("which").hidden = opened.tests.length < 2;
  at("one").hidden = opened.tests.length > 1;
  at("classify").hidden = false;
  const take = (/** @type {Iterable<File>} */ given) => {
    const files = [...given]; // before the input is emptied
    return files.length && alone("classification", () => classifyAll(client, opened, files), "results", "Ready.");
  };
  for (const input of [at("choose"), at("take")]) {
    input.addEventListener("change", async () => {
      await take(input.files);
      input.value = ""; // the same file may be chosen again
    });
  }
  document.addEventListener("paste", (event) => take(event.clipboardData?.files ?? []));
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      at("drop").classList.toggle("over", kind === "dragover");
    });
  }
  document.addEventListener("drop", (event) => {
    const folders = droppedFolders(event);
    folders ? takeFolders(folders) : take(event.dataTransfer?.files ?? []);
  });
}

/** One after the other. @param {Client} client @param {any} opened @param {File[]} files */
async function classifyAll(client, opened, files) {
  let done = 0;
  for (const [i, file] of files.entries()) {
    say(`${file.name}, ${i + 1} of ${files.length}`);
    try {
      const [{ value, text }] = at("model").selectedOptions; // it may be changed meanwhile
      const { seen, turned, logits: [logits], ms, width, height } = await client.ask("look", { file, asked: [Number(value)] });
      const told = `${text} · ${width} × ${height}${turned ? ", turned as its EXIF says" : ""} · ${timesOf(ms, "decoding", 0)}`;
      addResult(resultOf(file.name, seen, guessList(logits, opened.labels, TOP), element("p", { class: "times" }, told)));
      done++;
    } catch (error) {
      addResult(resultOf(file.name, null, refusal(error)));
    }
  }
  return classified(done, files.length);
}

start();
