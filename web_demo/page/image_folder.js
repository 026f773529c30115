/** Which files of a folder are images, of which class: as levit_edge/data/imagefolder.py and file_kinds.py. */

import { listed, sortedText } from "./classes.js";
import { HEAD_BYTES, imageFormat } from "./formats.js";

const READ = new Set(["JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "AVIF"]);
const ENDINGS = {
  JPEG: "jpg jpeg jpe jfif", PNG: "png", BMP: "bmp", WEBP: "webp", TIFF: "tif tiff", GIF: "gif", AVIF: "avif avifs",
  HEIC: "heic heif hif heics", "JPEG 2000": "jp2 j2k jpf jpx j2c jpc", "JPEG XL": "jxl",
  raw: "dng cr2 cr3 nef arw orf rw2 raf", PNM: "pbm pgm ppm pnm", PSD: "psd", SVG: "svg", EXR: "exr",
  archive: "tar tgz gz bz2 xz zst zip 7z rar", parquet: "parquet",
};
const KINDS = new Map(Object.entries(ENDINGS).flatMap(([kind, endings]) => endings.split(" ").map((each) => [each, kind])));
/** What systems leave between the files of people. */
const SYSTEMS = new Set(["@eadir", "#recycle", "@recycle", "__macosx", "lost+found", "$recycle.bin",
  "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini"]);
const PARTS_OF_A_SET = new Set("train training val valid validation test testing".split(" "));
const NO_IMAGE = "no image";

/** A folder that is no set of images. */
export class FolderError extends Error {}

/**
 * @param {{path: string, file?: Blob}[]} found all files, with their paths in the chosen folder; `path` ends with a slash
 *   for a folder that has none
 * @returns {Promise<{images: string[], folders: string[] | null, passedOver: Record<string, number>}>} sorted by class
 *   folder and then by path; `folders` is null for a folder of images alone; how many others there are of each kind
 * @throws {FolderError}
 */
export async function arrange(found) {
  const images = [];
  /** @type {Record<string, number>} */
  const passedOver = {};
  for (const { path, file } of found.filter((each) => !each.path.endsWith("/") && !isHidden(each.path))) {
    const kind = await kindOf(path, file);
    READ.has(kind) ? images.push(path) : passedOver[kind] = (passedOver[kind] ?? 0) + 1;
  }
  const sorted = sortedText(images);
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
  if (folders.length > 1 && folders.every((name) => PARTS_OF_A_SET.has(name.toLowerCase()))) {
    throw new FolderError(`it holds ${folders.join(" and ")}, which are parts of a set, not classes: choose one of them`);
  }
  const byFolder = new Map(folders.map((name) => [name, /** @type {string[]} */ ([])]));
  inside.forEach((path) => byFolder.get(folderOf(path))?.push(path));
  return { images: [...byFolder.values()].flat(), folders, passedOver };
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

/** @param {string} path relative */
function isHidden(path) {
  return path.split("/").some((name) => name.startsWith(".") || SYSTEMS.has(name.toLowerCase()));
}

/** What a file is by its ending, or else by how it begins. @param {string} path @param {Blob} [file] */
async function kindOf(path, file) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const ending = /^.+\.([^.]+)$/s.exec(name)?.[1].toLowerCase();
  if (ending !== undefined) {
    return KINDS.get(ending) ?? NO_IMAGE;
  }
  try {
    const head = await file?.slice(0, HEAD_BYTES).arrayBuffer();
    return head ? imageFormat(new Uint8Array(head)) ?? NO_IMAGE : "without an ending";
  } catch {
    return "unreadable";
  }
}
