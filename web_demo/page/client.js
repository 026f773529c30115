/** The worker, asked from the page. */

/** What the worker refuses, with its reason. */
export class Refusal extends Error {}

export class Client {
  constructor() {
    const source = document.getElementById("worker");
    const text = source && URL.createObjectURL(new Blob([source.textContent ?? ""], { type: "text/javascript" }));
    this.worker = new Worker(text ?? "worker.js");
    /** @type {Map<number, {resolve: (answer: any) => void, reject: (error: Error) => void, told?: (progress: any) => void}>} */
    this.waiting = new Map();
    this.asked = 0;
    this.worker.onmessage = ({ data }) => this.take(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      const message = event.message || "its worker cannot be started";
      this.waiting.forEach(({ reject }) => reject(new Refusal(message)));
      this.waiting.clear();
    };
  }

  /**
   * @param {string} ask @param {object} request @param {(progress: any) => void} [told]
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   * @throws {Refusal}
   */
  ask(ask, request = {}, told, transfer = []) {
    const id = ++this.asked;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, told });
      this.worker.postMessage({ ...request, ask, id }, transfer);
    });
  }

  /** @param {{id: number, answer?: any, refused?: string, progress?: any}} message */
  take({ id, answer, refused, progress }) {
    const asked = this.waiting.get(id);
    if (progress !== undefined) {
      asked?.told?.(progress);
      return;
    }
    this.waiting.delete(id);
    refused === undefined ? asked?.resolve(answer) : asked?.reject(new Refusal(refused));
  }
}

/** The package's files in the page, taken out of it; null where they lie in a folder beside it. */
export function takeEmbedded() {
  const elements = [...document.querySelectorAll("script[data-file]")];
  const entries = elements.map((element) => {
    const { file, sha256 } = /** @type {HTMLElement} */ (element).dataset;
    return [file, { text: element.textContent, sha256 }];
  });
  elements.forEach((element) => element.remove()); // their text is large
  return entries.length ? Object.fromEntries(entries) : null;
}
