import { sha512 } from "#digest";
import fs from "#fs";
import path from "#path";
import { CniError, reasonOf } from "../cni/error.ts";
import { parseJson } from "../cni/json.ts";
import { readFile as readRegular } from "../linux/bounded-file.ts";
import { type CachedEntry, type CacheEntry, findEntry, formatEntry } from "./cache-entry.ts";
import { isMissing } from "./file-error.ts";
import { decoded } from "./refusal.ts";
import { isAttachment, type RuntimeConf } from "./runtime-conf.ts";
import { parseStated, type StatedResult } from "./stated-result.ts";

/** Where the library keeps its cache unless told. */
export const CACHE_DIRECTORY = "/var/lib/cni";

/** An attachment's file in the cache, which the library (and so any runtime that uses it) reads and writes too. */
export interface CacheKey {
  readonly directory: string;
  readonly network: string;
  readonly attachment: Pick<RuntimeConf, "containerId" | "ifname">;
}

/** Keeps the result of an ADD, whole or not at all. @throws Error of the file operation that failed */
export function writeCached(directory: string, entry: CacheEntry): void {
  const key = { directory, network: entry.network.name, attachment: entry.attachment };
  const fresh = freshFile(key);
  fs.mkdirSync(path.join(directory, "results"), { recursive: true, mode: 0o700 });
  try {
    fs.writeFileSync(fresh, formatEntry(entry), { mode: 0o600 });
    fs.renameSync(fresh, cacheFile(key));
  } finally {
    fs.rmSync(fresh, { force: true });
  }
}

/**
 * The result that ADD left, or undefined where there is no readable file. Files of before the library's cniCacheV1 are
 * the result itself.
 * @throws CniError where the file makes no sense
 */
export function readCachedResult(key: CacheKey): StatedResult | undefined {
  const bytes = readIfPossible(cacheFile(key));
  if (bytes === undefined) return undefined;
  const json = decoded("it is not JSON", () => parseJson(bytes));
  const entry = findEntry(json);
  return parseStated(entry === undefined ? json : entry.result, "0.1.0");
}

/** The attachment as ADD was told of it, or undefined where the cache does not know it. */
export function findCached(key: CacheKey): RuntimeConf | undefined {
  if (!isAttachment(key.network, key.attachment)) return undefined;
  const entry = readEntry(cacheFile(key));
  return entry?.network === key.network ? entry.attachment : undefined;
}

/** What the cache knows of a network. */
export interface CacheListing {
  /** In the order of the file names. */
  readonly attachments: readonly RuntimeConf[];
  /** Files of which it cannot be told whom they are about, or the folder where there is none: there may be more attachments. */
  readonly unreadable: readonly string[];
}

/** Lists a network's attachments. @throws CniError ioFailure when the cache cannot be listed */
export function listCached(directory: string, network: string): CacheListing {
  const folder = path.join(directory, "results");
  const names = namesIn(folder)?.sort();
  if (names === undefined) return { attachments: [], unreadable: [folder] };
  const attachments: RuntimeConf[] = [];
  const unreadable: string[] = [];
  // One after another: of 20,000 results at a time there would be 60 MB.
  for (const name of names) {
    const file = path.join(folder, name);
    const entry = readEntry(file);
    if (entry?.network === network) attachments.push(entry.attachment);
    if (entry === undefined && name.startsWith(`${network}-`)) unreadable.push(file);
  }
  return { attachments, unreadable };
}

/** Removes an attachment's file; one that is not there is fine. @throws Error of the file operation that failed */
export function deleteCached(key: CacheKey): void {
  fs.rmSync(freshFile(key), { force: true });
  fs.rmSync(cacheFile(key), { force: true });
}

/** How many bytes a file's name may have, NAME_MAX of linux/limits.h, and digits of a digest that stand for a longer one. */
const NAME_MAX = 255;
const DIGITS = 64;

/** The library's name; where no file can have it, which the library does not bear, one of a digest. */
function cacheFile({ directory, network, attachment }: CacheKey): string {
  return path.join(directory, "results", shorten(`${network}-${attachment.containerId}-${attachment.ifname}`));
}

function shorten(name: string): string {
  if (new TextEncoder().encode(name).length <= NAME_MAX) return name;
  const digest = sha512(name).slice(0, DIGITS);
  return `${name.slice(0, NAME_MAX - DIGITS - 1)}-${digest}`;
}

/** Beside the folder, not in it: whoever lists the folder takes every file for an attachment. */
function freshFile(key: CacheKey): string {
  return path.join(key.directory, shorten(`.${path.basename(cacheFile(key))}`));
}

function readEntry(file: string): CachedEntry | undefined {
  const bytes = readIfPossible(file);
  const entry = bytes === undefined ? undefined : findEntry(parseIfPossible(bytes));
  return entry !== undefined && isAttachment(entry.network, entry.attachment) ? entry : undefined;
}

function readIfPossible(file: string): Uint8Array | undefined {
  try {
    return readRegular(file);
  } catch {
    return undefined;
  }
}

function parseIfPossible(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes);
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] | undefined {
  try {
    return fs.readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new CniError("ioFailure", `Cannot list the result cache: ${reasonOf(error)}`, { cause: error });
  }
}
