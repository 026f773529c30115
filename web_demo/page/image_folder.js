/** Which files of a folder are images, of which class: as levit_edge/data/imagefolder.py and file_kinds.py. */

import { listed, sortedText } from "./classes.js";

/** TIFF, which Python reads too, is passed over: most browsers cannot. */
const EXTENSIONS = new Set("jpg jpeg jpe jfif png bmp webp gif avif avifs".split(" "));
/** What systems leave between the files of people. */
const SYSTEMS = new Set(["@eadir", "#recycle", "@recycle", "__macosx", "lost+found", "$recycle.bin",
  "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini"]);
const PARTS_OF_A_SET = new Set("train training val valid validation test testing".split(" "));

/** A folder that is no set of images. */
export class FolderError extends Error {}

/**
 * @param {string[]} paths of all files, relative to the chosen folder, with forward slashes
 * @returns {{images: string[], folders: string[] | null, passedOver: number}} sorted by class folder and then by path;
 *   `folders` is null for a folder of images alone
 * @throws {FolderError}
 */
export function arrange(paths) {
  const visible = paths.filter((path) => !path.split("/").some(isHidden));
  const images = sortedText(visible.filter(isImage));
  const folderOf = (/** @type {string} */ path) => path.slice(0, path.indexOf("/"));
  const loose = images.filter((path) => !path.includes("/"));
  const inside = images.filter((path) => path.includes("/"));
  const passedOver = visible.length - images.length;
  if (loose.length && inside.length) {
    throw new FolderError(`there are images beside the class folders: ${listed(loose, 3)}`);
  }
  if (loose.length) {
    return { images: loose, folders: null, passedOver };
  }
  if (!inside.length) {
    throw new FolderError(`no images in it (${passedOver} other files); expected one folder for each class, or images`);
  }
  const folders = sortedText([...new Set(visible.filter((path) => path.includes("/")).map(folderOf))]);
  if (folders.length > 1 && folders.every((name) => PARTS_OF_A_SET.has(name.toLowerCase()))) {
    throw new FolderError(`it holds ${folders.join(" and ")}, which are parts of a set, not classes: choose one of them`);
  }
  const byFolder = new Map(folders.map((name) => [name, /** @type {string[]} */ ([])]));
  inside.forEach((path) => byFolder.get(folderOf(path))?.push(path));
  return { images: [...byFolder.values()].flat(), folders, passedOver };
}

/** @param {string} name */
function isHidden(name) {
  return name.startsWith(".") || SYSTEMS.has(name.toLowerCase());
}

/** @param {string} path */
function isImage(path) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return dot > 0 && EXTENSIONS.has(name.slice(dot + 1).toLowerCase());
}
