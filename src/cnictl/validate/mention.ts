import { isObject } from "../../cni/json.ts";
import type { Path } from "../../cni/schema-walk.ts";

/**
 * The path of the key that a message is about: the key below `base` that the message names first, one whose value it also names before
 * the others. `base` if it names none.
 */
export function findMention(json: unknown, base: Path, message: string): Path {
  const part = base.reduce<unknown>((value, step) => memberOf(value, step), json);
  const text = message.toLowerCase();
  let best: { path: Path; rank: number } | undefined;
  for (const { path, key, value } of keysOf(part, [])) {
    const at = text.search(new RegExp(`(?<![\\w.])${escapePattern(key.toLowerCase())}(?!\\w)`));
    if (at === -1) continue;
    const rank = at - (isQuoted(text, value) ? text.length : 0);
    if (best === undefined || rank < best.rank) best = { path, rank };
  }
  return [...base, ...(best?.path ?? [])];
}

function isQuoted(text: string, value: unknown): boolean {
  return ["string", "number", "boolean"].includes(typeof value) && text.includes(String(value).toLowerCase());
}

function memberOf(value: unknown, step: PropertyKey): unknown {
  if (Array.isArray(value)) return value[Number(step)];
  if (!isObject(value)) return undefined;
  const key = Object.keys(value).find((each) => each.toLowerCase() === String(step).toLowerCase());
  return key === undefined ? undefined : value[key];
}

interface Member {
  readonly path: Path;
  readonly key: string;
  readonly value: unknown;
}

/** Every member of an object and of the objects in it, outer ones first. */
function keysOf(value: unknown, path: Path): readonly Member[] {
  if (Array.isArray(value)) return value.flatMap((each, index) => keysOf(each, [...path, index]));
  if (!isObject(value)) return [];
  const own = Object.entries(value).map(([key, member]) => ({ path: [...path, key], key, value: member }));
  return [...own, ...own.flatMap((each) => keysOf(each.value, each.path))];
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
