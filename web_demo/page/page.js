/** The page: starts the worker, and takes pictures once its self-test has passed. */

import { offerBenchmark, sendFailure } from "./bench.js";
import { offerCamera } from "./camera.js";
import { Client, takeEmbedded } from "./client.js";
import { alone } from "./turns.js";
import { droppedFolders, offerVerify } from "./verify.js";
import { addResult, at, classified, element, refuse, refusedResult, resultOf, say, sentence, showPackage } from "./view.js";

const TOP = 5;
/** The smallest module with an instruction of WebAssembly's SIMD. */
const SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);
const BROWSERS = "Chrome and Edge 110, Firefox 115 and Safari 16.4, and newer ones, have all that this page needs";

/** What this browser lacks, if anything. */
function lacking() {
  const needed = {
    "WebAssembly with SIMD": typeof WebAssembly === "object" && WebAssembly.validate(SIMD),
    DecompressionStream: typeof DecompressionStream === "function",
    OffscreenCanvas: typeof OffscreenCanvas === "function",
  };
  return Object.entries(needed).find(([, there]) => !there)?.[0];
}

async function start() {
  const absent = lacking();
  if (absent) {
    const reason = `this browser lacks ${absent}: ${BROWSERS}`;
    refuse(`T${reason.slice(1)}.`);
    sendFailure(reason);
    return;
  }
  const client = new Client((reason) => refuse(sentence(`Reload this page: ${reason}`)));
  try {
    const embedded = takeEmbedded();
    const opened = await client.ask("open", { embedded, threads: 1 }, say);
    showPackage(opened, performance.now());
    const stopCamera = offerCamera(client, () => Number(at("model").value));
    takePictures(client, opened, offerVerify(client, opened, stopCamera));
    offerBenchmark(opened, embedded, stopCamera);
    at("more").hidden = false;
    say("Ready.", "ready");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    refuse(sentence(reason));
    sendFailure(reason);
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
    return files.length && alone("classification", () => classifyAll(client, files));
  };
  for (const input of [at("choose"), at("take")]) {
    input.addEventListener("change", async () => {
      await take(input.files);
      input.value = ""; // the same file may be chosen again
    });
  }
  document.addEventListener("paste", (event) => take(event.clipboardData?.files ?? []));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
  document.addEventListener("dragleave", () => at("drop").classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    at("drop").classList.remove("over");
    const folders = droppedFolders(event);
    folders ? takeFolders(folders) : take(event.dataTransfer?.files ?? []);
  });
}

/** One after the other. @param {Client} client @param {File[]} files */
async function classifyAll(client, files) {
  let done = 0;
  for (const [i, file] of files.entries()) {
    say(`${file.name}, ${i + 1} of ${files.length}`);
    try {
      const [{ value, text }] = at("model").selectedOptions; // it may be changed meanwhile
      addResult(resultOf(file.name, await client.ask("classify", { file, model: Number(value), top: TOP }), text));
      done++;
    } catch (error) {
      addResult(refusedResult(file.name, error instanceof Error ? error.message : String(error)));
    }
  }
  say(classified(done, files.length), "ready");
}

start();
