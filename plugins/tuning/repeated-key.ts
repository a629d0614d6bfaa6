import { CniError } from "../../src/cni/error.ts";

/** Where a configuration has maps of parameters. */
const MAPS: readonly string[] = [JSON.stringify(["sysctl"]), JSON.stringify(["args", "cni", "sysctl"])];

/** How many names lead to a key of the deepest of them. */
const DEEPEST = 4;

/** All of JSON but its white space, numbers and literals. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]/g;

/** An object or list that is open. */
interface Level {
  /** The names of the members that lead to it, lower-case; of a list's elements "[]". */
  readonly path: readonly string[];
  readonly isObject: boolean;
  /** The member being read; undefined before its name. */
  member: string | undefined;
}

/**
 * Refuses a map of parameters that has a key twice, or that is there twice: a parser keeps one of them, and which one is not the
 * operator's choice. `stdin` is JSON. @throws CniError invalidConfig
 */
export function refuseRepeatedKeys(stdin: Uint8Array): void {
  const seen = new Set<string>();
  const open: Level[] = [];
  for (const [token] of new TextDecoder().decode(stdin).matchAll(TOKEN)) {
    const level = open.at(-1);
    if (token === "{" || token === "[") open.push(openLevel(level, token));
    else if (token === "}" || token === "]") open.pop();
    else if (level !== undefined && token === ",") level.member = undefined;
    else if (level !== undefined && isName(level, token)) {
      level.member = String(JSON.parse(token));
      refuseSeen(level.path, level.member, seen);
    }
  }
}

function isName({ isObject, member }: Level, token: string): boolean {
  return isObject && member === undefined && token !== ":";
}

/** What is deeper than any map needs no path of its own. */
function openLevel(above: Level | undefined, bracket: string): Level {
  const name = above?.isObject ? (above.member ?? "").toLowerCase() : "[]";
  const path = above === undefined ? [] : above.path.length === DEEPEST ? above.path : [...above.path, name];
  return { path, isObject: bracket === "{", member: undefined };
}

function refuseSeen(path: readonly string[], member: string, seen: Set<string>): void {
  const asMap = JSON.stringify([...path, member.toLowerCase()]);
  const isKey = MAPS.includes(JSON.stringify(path));
  if (!isKey && !MAPS.includes(asMap)) return;
  const id = isKey ? JSON.stringify([...path, member]) : asMap;
  if (!seen.has(id)) {
    seen.add(id);
    return;
  }
  const what = isKey ? `sysctl ${JSON.stringify(member)}` : "sysctl";
  throw new CniError("invalidConfig", `Cannot use ${what}: it is duplicated`);
}
