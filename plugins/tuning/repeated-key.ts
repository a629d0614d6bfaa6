import { CniError } from "../../src/cni/error.ts";

/** The maps of sysctls in a configuration. */
const MAPS: readonly string[] = [JSON.stringify(["sysctl"]), JSON.stringify(["args", "cni", "sysctl"])];

/** The depth of the keys of the deepest map. */
const DEEPEST = 4;

/** JSON tokens, except white space, numbers and literals. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]/g;

/** An open object or list. */
interface Level {
  /** The path of member names to it, in lower case; "[]" for a list's elements. */
  readonly path: readonly string[];
  readonly isObject: boolean;
  /** The member being read; undefined before its name is read. */
  member: string | undefined;
}

/**
 * Refuses duplicate keys in a map of sysctls, and a duplicate map. A parser keeps only one of them, and the operator cannot choose which.
 * `stdin` is JSON.
 * @throws CniError invalidConfig
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

/** Levels deeper than any map reuse the path above. */
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
