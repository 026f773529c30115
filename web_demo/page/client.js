/** The worker, asked from the page. */

export class Client {
  /** @param {(failure: Error) => void} [failed] told when nothing more is answered */
  constructor(failed) {
    /** @type {Error | undefined} */
    this.failure = undefined;
    const source = document.getElementById("worker")?.textContent ?? "";
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.worker = new Worker(address); // of a blob, as then the page's policy is the worker's too
    /** @type {Map<number, Record<string, (value: any) => void>>} */
    this.waiting = new Map();
    this.asked = 0;
    const fail = (/** @type {string} */ reason) => {
      this.failure = new Error(reason);
      this.waiting.forEach(({ refused }) => refused(this.failure));
      this.waiting.clear();
      failed?.(this.failure);
    };
    this.worker.onmessage = ({ data }) => {
      URL.revokeObjectURL(address);
      this.take(data);
    };
    this.worker.onerror = (event) => {
      event.preventDefault();
      fail(event.message ? `its worker failed: ${event.message}` : "its worker cannot be started");
    };
    this.worker.onmessageerror = () => fail("an answer of its worker cannot be read");
  }

  /**
   * @param {string} ask @param {object} request @param {(progress: any) => void} [told]
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   * @throws {Error} what the worker refuses; `ofPicture` if the picture is to blame, so that others may do
   */
  ask(ask, request = {}, told = () => {}, transfer = []) {
    const id = ++this.asked;
    return this.failure ? Promise.reject(this.failure) : new Promise((resolve, reject) => {
      const refused = (/** @type {any} */ { message, ofPicture }) => reject(Object.assign(new Error(message), { ofPicture }));
      this.waiting.set(id, { told, answered: resolve, refused });
      this.worker.postMessage({ ...request, ask, id }, transfer);
    });
  }

  /** @param {{id: number, kind: "told" | "answered" | "refused", value: any}} message */
  take({ id, kind, value }) {
    this.waiting.get(id)?.[kind](value);
    if (kind !== "told") {
      this.waiting.delete(id);
    }
  }
}

/** The package's files in the page, taken out of it, or where they lie beside it; and the hash of their document. */
export function takeEmbedded() {
  const elements = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("script[data-file]")]);
  const texts = Object.fromEntries(elements.map(({ dataset, textContent }) => [dataset.file, textContent]));
  const own = elements.find(({ dataset }) => dataset.file === "model.json")?.dataset.sha256;
  elements.forEach((element) => element.remove()); // their text is large
  const beside = document.querySelector('meta[name="model-json-sha256"]')?.getAttribute("content");
  return { texts, address: beside && new URL("package/", document.baseURI).href, sha256: beside ?? own };
}
