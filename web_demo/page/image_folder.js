/** Which files of a folder are images, of which class: as levit_edge/data/imagefolder.py, by file_kinds.py's own tables. */

import { FolderError, listed, sortedText } from "./classes.js";
import { HEAD_BYTES, imageFormat } from "./formats.js";

const NO_IMAGE = "no image";

/** @typedef {{endings: Record<string, string>, read: string[], systems: string[], parts_of_a_set: string[]}} FileTable levit_edge/data/folder_tables.py */

/**
 * @param {{path: string, file?: Blob}[]} found all files, with their paths in the chosen folder; `path` ends with a slash
 *   for a folder that has none
 * @param {FileTable} table
 * @returns {Promise<{images: string[], folders: string[] | null, passedOver: Record<string, number>}>} sorted by class
 *   folder and then by path; `folders` is null for a folder of images alone; how many others there are of each kind
 * @throws {FolderError}
 */
export async function arrange(found, table) {
  const images = [];
  /** @type {Record<string, number>} */
  const passedOver = {};
  const isHidden = (/** @type {string} */ path) =>
    path.split("/").some((name) => name.startsWith(".") || table.systems.includes(name.toLowerCase()));
  for (const { path, file } of found.filter((each) => !each.path.endsWith("/") && !isHidden(each.path))) {
    const kind = await kindOf(path, file, table.endings);
    table.read.includes(kind) ? images.push(path) : passedOver[kind] = (passedOver[kind] ?? 0) + 1;
  }
  const sorted = sortedText(images, (path) => path.replace("/", "\0")); // as by folder and then by path
  const [loose, inside] = [sorted.filter((path) => !path.includes("/")), sorted.filter((path) => path.includes("/"))];
  if (loose.length && inside.length) {
    throw new FolderError(`there are images beside the class folders: ${listed(loose, 3)}`);
  }
  if (loose.length) {
    return { images: loose, folders: null, passedOver };
  }
  if (!inside.length) {
    const told = passedOverWords(passedOver);
    throw new FolderError(`no images in it; expected one folder for each class, or images${told && ` (${told})`}`);
  }
  const all = found.filter(({ path }) => path.includes("/")).map(({ path }) => folderOf(path));
  const folders = sortedText([...new Set(all)].filter((name) => !isHidden(name)));
  if (folders.length > 1 && folders.every((name) => table.parts_of_a_set.includes(name.toLowerCase()))) {
    throw new FolderError(`it holds ${folders.join(" and ")}, which are parts of a set, not classes: choose one of them`);
  }
  return { images: inside, folders, passedOver };
}

/** The class folder of an image. @param {string} path */
export function folderOf(path) {
  return path.slice(0, path.indexOf("/"));
}

/** Such as `4 files passed over: 3 HEIC, 1 no image`; empty if there are none. @param {Record<string, number>} counts */
export function passedOverWords(counts) {
  const kinds = sortedText(Object.keys(counts)).sort((one, other) => Number(one === NO_IMAGE) - Number(other === NO_IMAGE));
  const total = kinds.reduce((sum, kind) => sum + counts[kind], 0);
  return total ? `${total} ${total === 1 ? "file" : "files"} passed over: ${kinds.map((kind) => `${counts[kind]} ${kind}`).join(", ")}` : "";
}

/** What a file is by its ending, or else by how it begins. @param {string} path @param {Blob | undefined} file @param {Record<string, string>} endings */
async function kindOf(path, file, endings) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const ending = /^.+\.([^.]+)$/s.exec(name)?.[1].toLowerCase();
  if (ending !== undefined) {
    return Object.hasOwn(endings, ending) ? endings[ending] : NO_IMAGE;
  }
  try {
    const head = await file?.slice(0, HEAD_BYTES).arrayBuffer();
    return head ? imageFormat(new Uint8Array(head)) ?? NO_IMAGE : "without an ending";
  } catch {
    return "unreadable";
  }
}
