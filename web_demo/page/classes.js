/**
 * Which output of the model a class folder stands for, by the rules of levit_edge/data/classes.py: WordNet ids, the
 * model's own names, whole numbers, or sorted order where a model has no names; never by place where anything else
 * decides. Tested on the cases that Python is tested on, tests/data/pairing.json.
 */

const WHOLE_NUMBER = /^[0-9]{1,9}$/;
const SPACES = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const BETWEEN_WORDS = new RegExp(`[${SPACES}_-]+`, "u");
const ADVICE = "Name the folders as the model's classes, or use levit-edge verify with --classes.";

/** @typedef {{id: string, names: string}} ImagenetClass a WordNet id, and all its names, in the order of the outputs */
/** @typedef {{rule: string, index: Map<string, number>}} Pairing label -> output, and what decided it */

/** The labels cannot be paired for certain. */
export class PairingError extends Error {}

/** A name without what people write differently: case, and what stands between words. @param {string} name */
export function normalForm(name) {
  // Python's casefold but for Cherokee, whose letters are told apart as well; the dotless i has no capital of its own
  const fold = (/** @type {string} */ each) => (each === "ı" ? each : each.toLowerCase().toUpperCase().toLowerCase()); // ẞ is ss
  const folded = Array.from(name.normalize("NFKC"), fold).join("");
  return folded.split(BETWEEN_WORDS).join(" ").replace(/^ +| +$/g, "");
}

/** The normal forms of the names in a list such as ImageNet's "tench, Tinca tinca". @param {string} name */
function parts(name) {
  return name.split(",").map(normalForm).filter((each) => each !== "");
}

/** Whether a name in the list `name` is one of those in `spellings`. */
function sameClass(/** @type {string} */ name, /** @type {string[]} */ spellings) {
  const forms = new Set(spellings.flatMap(parts));
  return parts(name).some((each) => forms.has(each));
}

/** Sorts as Python does: by code point, where JavaScript takes halves of surrogate pairs. @param {string[]} labels */
export function sortedText(labels) {
  return labels.map((label) => codePoints(label, label)).toSorted(compared).map(({ label }) => label);
}

/** Sorted as timm's `natural_key` does: numbers by their size, without case. @param {string[]} labels */
function sortedNaturally(labels) {
  return labels.map((label) => {
    const parts = label.toLowerCase().split(/([0-9]+)/).map((part, i) => (i % 2 ? part.replace(/^0+/, "") : part));
    return codePoints(label, parts.map((part, i) => (i % 2 ? String.fromCodePoint(part.length) + part : part)).join("\0"));
  }).toSorted(compared).map(({ label }) => label);
}

/** What a label is sorted by. @param {string} label @param {string} key */
function codePoints(label, key) {
  return { label, key: Array.from(key, (each) => each.codePointAt(0) ?? 0) };
}

/** Below 0 if `one` comes first. @param {{key: number[]}} one @param {{key: number[]}} other */
function compared({ key: one }, { key: other }) {
  const at = one.findIndex((each, i) => each !== other[i]);
  return at < 0 || at >= other.length ? one.length - other.length : one[at] - other[at];
}

/**
 * Pair class folders with the outputs of a model.
 * @param {string[]} labels each once @param {number} outputs
 * @param {string[] | null} modelNames in the order of the outputs; placeholders such as `class 0` are none
 * @param {ImagenetClass[]} imagenet @param {string[]} empty those of `labels` that no image has, for messages
 * @returns {Pairing}
 * @throws {PairingError}
 */
export function pairClasses(labels, outputs, modelNames, imagenet, empty = []) {
  const names = modelNames?.every((name, i) => name === `class ${i}`) ? null : modelNames;
  try {
    return paired(labels, outputs, names, imagenet);
  } catch (error) {
    if (empty.length && error instanceof PairingError) {
      throw ofEmpty(labels.filter((label) => !empty.includes(label)), outputs, names, imagenet, listed(empty), error);
    }
    throw error;
  }
}

/** @param {string[]} labels @param {number} outputs @param {string[] | null} names @param {ImagenetClass[]} imagenet @returns {Pairing} */
function paired(labels, outputs, names, imagenet) {
  const found = byWordnet(labels, outputs, names, imagenet) ?? byNames(labels, names) ?? byIndices(labels, outputs, names, imagenet);
  if (found) {
    return found;
  }
  if (names) {
    throw new PairingError(`none of the folders is among the model's classes. Folders: ${listed(labels, 10)}. Classes: ${listed(names, 10)}. ${ADVICE}`);
  }
  return byOrder(labels, outputs);
}

/**
 * What to say where folders without images are among those that cannot be paired: without them they may be.
 * @param {string[]} filled @param {number} outputs @param {string[] | null} names @param {ImagenetClass[]} imagenet
 * @param {string} empty @param {PairingError} error
 */
function ofEmpty(filled, outputs, names, imagenet, empty, error) {
  try {
    paired(filled, outputs, names, imagenet);
  } catch {
    return new PairingError(`${error.message} There are no images of ${empty}: an empty folder is a class too.`);
  }
  return new PairingError(`there are no images of ${empty}, and the model has no such class beside ${listed(filled)}. Remove the folder if it is none, or add its images.`);
}

/** @param {string[]} labels @param {number} outputs @param {string[] | null} names @param {ImagenetClass[]} imagenet */
function byWordnet(labels, outputs, names, imagenet) {
  const placeOf = new Map(imagenet.map((each, i) => [each.id, i]));
  if (!labels.length || !labels.every((label) => placeOf.has(label))) {
    return null;
  }
  const place = (/** @type {string} */ label) => placeOf.get(label) ?? 0;
  if (isImagenets(outputs, names, imagenet)) {
    return { rule: "WordNet ids", index: new Map(labels.map((label) => [label, place(label)])) };
  }
  if (!names) {
    return null;
  }
  const found = places(labels, names, (label) => [imagenet[place(label)].id, imagenet[place(label)].names]);
  return found && { rule: "WordNet ids", index: single(found, names) };
}

/** Whether these are ImageNet's 1,000 classes in the order of WordNet ids, as far as is known. */
function isImagenets(/** @type {number} */ outputs, /** @type {string[] | null} */ names, /** @type {ImagenetClass[]} */ imagenet) {
  return outputs === imagenet.length && (!names || names.every((name, i) => sameClass(name, [imagenet[i].id, imagenet[i].names])));
}

/** @param {string[]} labels @param {string[] | null} names */
function byNames(labels, names) {
  if (!names || !labels.length) {
    return null;
  }
  if (labels.every((label) => names.includes(label))) {
    const exact = new Map(labels.map((label) => [label, names.flatMap((name, i) => (name === label ? [i] : []))]));
    return { rule: "class names", index: single(exact, names) };
  }
  const found = places(labels, names, (label) => [label]);
  return found && { rule: "class names in normal form", index: single(found, names) };
}

/**
 * The outputs of each label whose name is one of its spellings, or else has one of them in it; null if there are none.
 * @param {string[]} labels @param {string[]} names @param {(label: string) => string[]} spellings
 */
function places(labels, names, spellings) {
  const whole = placesByForm(names, (name) => [normalForm(name)]);
  const inside = placesByForm(names, parts);
  const among = (/** @type {Map<string, number[]>} */ of, /** @type {string[]} */ forms) =>
    [...new Set(forms.flatMap((form) => of.get(form) ?? []))].sort((one, other) => one - other);
  const found = new Map(labels.map((label) => {
    const exact = among(whole, spellings(label).map(normalForm));
    return [label, exact.length ? exact : among(inside, spellings(label).flatMap(parts))];
  }));
  return [...found.values()].some((each) => each.length) ? found : null;
}

/** @param {string[]} names @param {(name: string) => string[]} forms @returns {Map<string, number[]>} */
function placesByForm(names, forms) {
  const result = new Map();
  names.forEach((name, i) => forms(name).forEach((form) => result.set(form, [...(result.get(form) ?? []), i])));
  return result;
}

/** @param {string[]} labels @param {number} outputs @param {string[] | null} names @param {ImagenetClass[]} imagenet */
function byIndices(labels, outputs, names, imagenet) {
  if (!labels.length || !labels.every((label) => WHOLE_NUMBER.test(label))) {
    return null;
  }
  const numbers = labels.map(Number);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const found = `the folders are numbers from ${low} to ${high}, and the model has ${outputs} classes`;
  if (high > outputs || (low === 0 && high === outputs)) {
    throw new PairingError(`${found}.`);
  }
  if (low > 0 && high < outputs) {
    throw new PairingError(`${found}: whether they are counted from 0 or from 1 cannot be told. ${ADVICE}`);
  }
  if (low > 0) {
    requireOrderFromOne(labels, outputs, names, imagenet);
  }
  const index = new Map(labels.map((label) => [label, Number(label) - Number(low > 0)]));
  refuseDoubles(index);
  return { rule: low > 0 ? "indices from 1" : "indices", index };
}

/** @param {string[]} labels @param {number} outputs @param {string[] | null} names @param {ImagenetClass[]} imagenet */
function requireOrderFromOne(labels, outputs, names, imagenet) {
  if (isImagenets(outputs, names, imagenet)) {
    throw new PairingError(`the folders are numbers from 1 to ${outputs}: ImageNet's own order, that of WordNet ids or that of text cannot be told. ${ADVICE}`);
  }
  if (Math.min(...labels.map((label) => label.length)) < String(outputs).length) {
    requireCertainOrder(Array.from({ length: outputs }, (_, i) => String(i + 1)));
  }
}

/** @param {string[]} labels @param {number} outputs */
function byOrder(labels, outputs) {
  if (labels.length !== outputs) {
    throw new PairingError(`there are ${labels.length} class folders, and the model has ${outputs} classes that it does not name. Folders: ${listed(labels, 10)}. ${ADVICE}`);
  }
  requireCertainOrder(labels);
  return { rule: "sorted order", index: new Map(sortedText(labels).map((label, i) => [label, i])) };
}

/** Refuse labels that torchvision's `ImageFolder` and timm sort differently. @param {string[]} labels */
function requireCertainOrder(labels) {
  const [asText, natural] = [sortedText(labels), sortedNaturally(labels)];
  const here = asText.findIndex((label, i) => label !== natural[i]);
  if (here >= 0) {
    throw new PairingError(`nothing says in which order the model has these folders: sorted as text, output ${here} is ${asText[here]}; by numbers and without case, ${natural[here]}. ${ADVICE}`);
  }
}

/** The one output of each label. @param {Map<string, number[]>} found @param {string[]} names */
function single(found, names) {
  const labels = [...found.keys()];
  const unknown = labels.filter((label) => !found.get(label)?.length);
  if (unknown.length) {
    throw new PairingError(`these folders are not among the model's classes: ${listed(unknown)}; its classes are ${listed(names, 10)}. ${ADVICE}`);
  }
  const index = new Map();
  for (const [label, places] of found) {
    if (places.length > 1) {
      throw new PairingError(`${label} may be any of the model's classes ${listed(places.map((i) => `${names[i]} (${i})`))}. ${ADVICE}`);
    }
    index.set(label, places[0]);
  }
  refuseDoubles(index);
  return index;
}

/** @param {Map<string, number>} index */
function refuseDoubles(index) {
  const labelOf = new Map();
  for (const [label, place] of index) {
    if (labelOf.has(place)) {
      throw new PairingError(`${labelOf.get(place)} and ${label} are the same class, ${place}.`);
    }
    labelOf.set(place, label);
  }
}

/** The first names, and how many more there are. @param {string[]} names */
export function listed(names, shown = 5) {
  const text = names.slice(0, shown).map((name) => (name.length > 60 ? `${name.slice(0, 60)}…` : name)).join(", ");
  return names.length > shown ? `${text} and ${names.length - shown} more` : text;
}

/** Of imagenet_classes.csv: a number, a WordNet id, and its names in quotation marks where there are several. */
export function imagenetClasses(/** @type {string} */ text) {
  return text.trim().split(/\r?\n/).slice(1).map((line) => {
    const [, id, names] = /^\d+,(n\d+),(.*)$/.exec(line) ?? [];
    return { id, names: names.replace(/^"(.*)"$/, "$1").replaceAll('""', '"') };
  });
}
