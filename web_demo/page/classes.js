/**
 * Which output of the model a class folder stands for, by the rules of levit_edge/data/pairing.py: WordNet ids, the
 * model's own names, whole numbers, or sorted order where a model has no names; never by place where anything else
 * decides. What may be called an output stands in the package's tables, levit_edge/data/folder_tables.py. Tested on the
 * cases that Python is tested on, tests/data/pairing.json.
 */

const WHOLE_NUMBER = /^[0-9]{1,9}$/;
const SPACES = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const BETWEEN_WORDS = new RegExp(`[${SPACES}_-]+`, "u");
const ADVICE = "Name the folders as the model's classes, or use levit-edge verify with --classes.";

/** @typedef {Record<string, number[]>} Places what a folder may be called -> the outputs that this may mean */
/** @typedef {{named: boolean, imagenets: boolean, wordnet_ids: Places, names: Places, forms: Places, parts: Places}} PairingTable */
/** @typedef {{rule: string, index: Map<string, number>}} Pairing label -> output, and what decided it */

/** A folder that is no set of images, or whose classes cannot be paired for certain. */
export class FolderError extends Error {}

/** A name without what people write differently: case, and what stands between words. @param {string} name */
function normalForm(name) {
  // Python's casefold but for Cherokee, whose letters are told apart as well; the dotless i has no capital of its own
  const fold = (/** @type {string} */ each) => (each === "ı" ? each : each.toLowerCase().toUpperCase().toLowerCase()); // ẞ is ss
  const folded = Array.from(name.normalize("NFKC"), fold).join("");
  return folded.split(BETWEEN_WORDS).join(" ").replace(/^ +| +$/g, "");
}

/** Sorts as Python does: by code point, where JavaScript takes halves of surrogate pairs. @param {string[]} labels */
export function sortedText(labels, keyOf = (/** @type {string} */ label) => label) {
  const digits = (/** @type {string} */ each) => each.codePointAt(0)?.toString(16).padStart(6, "0");
  const keyed = labels.map((label) => ({ label, key: Array.from(keyOf(label), digits).join("") }));
  return keyed.sort((one, other) => Number(one.key > other.key) - Number(one.key < other.key)).map(({ label }) => label);
}

/** What sorts as timm's `natural_key` does: numbers by their size, without case. @param {string} label */
function naturalKey(label) {
  const parts = label.toLowerCase().split(/([0-9]+)/).map((part, i) => (i % 2 ? part.replace(/^0+/, "") : part));
  return parts.map((part, i) => (i % 2 ? String.fromCodePoint(part.length) + part : part)).join("\0");
}

/**
 * Pair class folders with the outputs of a model.
 * @param {string[]} labels each once @param {PairingTable} table
 * @param {string[]} names of the outputs, in their order
 * @param {string[]} empty those of `labels` that no image has, for messages
 * @returns {Pairing}
 * @throws {FolderError}
 */
export function pairClasses(labels, table, names, empty = []) {
  try {
    return byNames(labels, table, names) ?? byIndices(labels, table, names.length) ?? byOrder(labels, table, names);
  } catch (error) {
    if (empty.length && error instanceof FolderError) {
      throw ofEmpty(labels.filter((label) => !empty.includes(label)), table, names, listed(empty), error);
    }
    throw error;
  }
}

/**
 * What to say where folders without images are among those that cannot be paired: without them they may be.
 * @param {string[]} filled @param {PairingTable} table @param {string[]} names @param {string} empty @param {FolderError} error
 */
function ofEmpty(filled, table, names, empty, error) {
  try {
    pairClasses(filled, table, names);
  } catch {
    return new FolderError(`${error.message} There are no images of ${empty}: an empty folder is a class too.`);
  }
  return new FolderError(`there are no images of ${empty}, and the model has no such class beside ${listed(filled)}. Remove the folder if it is none, or add its images.`);
}

/** By WordNet ids if all are some, or letter by letter if all are names, or else in normal form. @param {string[]} labels @param {PairingTable} table @param {string[]} names */
function byNames(labels, table, names) {
  const exact = (/** @type {Places} */ places) =>
    (labels.every((label) => Object.hasOwn(places, label)) ? labels.map((label) => places[label]) : []);
  /** @type {[string, number[][]][]} */
  const found = [
    ["WordNet ids", exact(table.wordnet_ids)],
    ["class names", exact(table.names)],
    ["class names in normal form", labels.map((label) => placesOf(label, table))],
  ];
  const [rule, places] = found.find(([, each]) => each.some((outputs) => outputs.length)) ?? [];
  return rule && places ? { rule, index: single(labels, places, names) } : null;
}

/** The outputs that are called so, or else those of whose names one is in it. @param {string} label @param {PairingTable} table */
function placesOf(label, { forms, parts }) {
  const among = (/** @type {Places} */ places, /** @type {string} */ name) => {
    const form = normalForm(name);
    return Object.hasOwn(places, form) ? places[form] : [];
  };
  const whole = among(forms, label);
  const inside = new Set(label.split(",").flatMap((part) => among(parts, part)));
  return whole.length ? whole : [...inside].sort((one, other) => one - other);
}

/** @param {string[]} labels @param {PairingTable} table @param {number} outputs @returns {Pairing | null} */
function byIndices(labels, { imagenets }, outputs) {
  if (!labels.length || !labels.every((label) => WHOLE_NUMBER.test(label))) {
    return null;
  }
  const numbers = labels.map(Number);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const found = `the folders are numbers from ${low} to ${high}, and the model has ${outputs} classes`;
  if (high > outputs || (low === 0 && high === outputs)) {
    throw new FolderError(`${found}.`);
  }
  if (low > 0 && high < outputs) {
    throw new FolderError(`${found}: whether they are counted from 0 or from 1 cannot be told. ${ADVICE}`);
  }
  if (low > 0 && imagenets) {
    throw new FolderError(`the folders are numbers from 1 to ${outputs}: ImageNet's own order, that of WordNet ids or that of text cannot be told. ${ADVICE}`);
  }
  if (low > 0 && labels.some((label) => label.length < String(outputs).length)) {
    requireCertainOrder(Array.from({ length: outputs }, (_, i) => String(i + 1)));
  }
  const index = new Map(labels.map((label) => [label, Number(label) - Number(low > 0)]));
  return { rule: low > 0 ? "indices from 1" : "indices", index: withoutDoubles(index) };
}

/** @param {string[]} labels @param {PairingTable} table @param {string[]} names */
function byOrder(labels, { named }, names) {
  if (named) {
    throw new FolderError(`none of the folders is among the model's classes. Folders: ${listed(labels, 10)}. Classes: ${listed(names, 10)}. ${ADVICE}`);
  }
  if (labels.length !== names.length) {
    throw new FolderError(`there are ${labels.length} class folders, and the model has ${names.length} classes that it does not name. Folders: ${listed(labels, 10)}. ${ADVICE}`);
  }
  requireCertainOrder(labels);
  return { rule: "sorted order", index: new Map(sortedText(labels).map((label, i) => [label, i])) };
}

/** Refuse labels that torchvision's `ImageFolder` and timm sort differently. @param {string[]} labels */
function requireCertainOrder(labels) {
  const [asText, natural] = [sortedText(labels), sortedText(labels, naturalKey)];
  const here = asText.findIndex((label, i) => label !== natural[i]);
  if (here >= 0) {
    throw new FolderError(`nothing says in which order the model has these folders: sorted as text, output ${here} is ${asText[here]}; by numbers and without case, ${natural[here]}. ${ADVICE}`);
  }
}

/** The one output of each label. @param {string[]} labels @param {number[][]} places of each @param {string[]} names */
function single(labels, places, names) {
  const unknown = labels.filter((_, i) => !places[i].length);
  if (unknown.length) {
    throw new FolderError(`these folders are not among the model's classes: ${listed(unknown)}; its classes are ${listed(names, 10)}. ${ADVICE}`);
  }
  const several = labels.findIndex((_, i) => places[i].length > 1);
  if (several >= 0) {
    throw new FolderError(`${labels[several]} may be any of the model's classes ${listed(places[several].map((i) => `${names[i]} (${i})`))}. ${ADVICE}`);
  }
  return withoutDoubles(new Map(labels.map((label, i) => [label, places[i][0]])));
}

/** @param {Map<string, number>} index @returns what was given, if no two labels have one output */
function withoutDoubles(index) {
  const labelOf = new Map();
  for (const [label, place] of index) {
    if (labelOf.has(place)) {
      throw new FolderError(`${labelOf.get(place)} and ${label} are the same class, ${place}.`);
    }
    labelOf.set(place, label);
  }
  return index;
}

/** The first names, and how many more there are. @param {string[]} names */
export function listed(names, shown = 5) {
  const text = names.slice(0, shown).map((name) => (name.length > 60 ? `${name.slice(0, 60)}…` : name)).join(", ");
  return names.length > shown ? `${text} and ${names.length - shown} more` : text;
}
