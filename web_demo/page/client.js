/** The worker, asked from the page. */

/** What the worker refuses, with its reason. */
export class Refusal extends Error {
  /** @param {string} reason @param {boolean} ofPicture whether the picture is to blame, so that others may do */
  constructor(reason, ofPicture = false) {
    super(reason);
    this.ofPicture = ofPicture;
  }
}

export class Client {
  /** @param {(reason: string) => void} [failed] told when nothing more is answered */
  constructor(failed) {
    this.failed = failed;
    /** @type {Refusal | null} */
    this.failure = null;
    const source = document.getElementById("worker")?.textContent ?? "";
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.worker = new Worker(address); // of a blob, as then the page's policy is the worker's too
    /** @type {Map<number, {resolve: (answer: any) => void, reject: (error: Error) => void, told?: (progress: any) => void}>} */
    this.waiting = new Map();
    this.asked = 0;
    this.worker.onmessage = ({ data }) => {
      URL.revokeObjectURL(address);
      this.take(data);
    };
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.fail(event.message ? `its worker failed: ${event.message}` : "its worker cannot be started");
    };
    this.worker.onmessageerror = () => this.fail("an answer of its worker cannot be read");
  }

  /** Nothing more is answered. @param {string} reason */
  fail(reason) {
    this.failure = new Refusal(reason);
    this.waiting.forEach(({ reject }) => reject(this.failure));
    this.waiting.clear();
    this.failed?.(reason);
  }

  /**
   * @param {string} ask @param {object} request @param {(progress: any) => void} [told]
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   * @throws {Refusal}
   */
  ask(ask, request = {}, told, transfer = []) {
    const id = ++this.asked;
    return this.failure ? Promise.reject(this.failure) : new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, told });
      this.worker.postMessage({ ...request, ask, id }, transfer);
    });
  }

  /** @param {{id: number, answer?: any, refused?: string, ofPicture?: boolean, progress?: any}} message */
  take({ id, answer, refused, ofPicture, progress }) {
    const asked = this.waiting.get(id);
    if (progress !== undefined) {
      asked?.told?.(progress);
      return;
    }
    this.waiting.delete(id);
    refused === undefined ? asked?.resolve(answer) : asked?.reject(new Refusal(refused, ofPicture));
  }
}

/** The package's files in the page, taken out of it; or where they lie beside it, and the hash of their document. */
export function takeEmbedded() {
  const elements = [...document.querySelectorAll("script[data-file]")];
  const entries = elements.map((element) => {
    const { file, sha256 } = /** @type {HTMLElement} */ (element).dataset;
    return [file, { text: element.textContent, sha256 }];
  });
  elements.forEach((element) => element.remove()); // their text is large
  const sha256 = document.querySelector('meta[name="model-json-sha256"]')?.getAttribute("content");
  return sha256 ? { address: new URL("package/", document.baseURI).href, sha256 } : Object.fromEntries(entries);
}
