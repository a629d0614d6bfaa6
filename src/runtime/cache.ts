import { sha512 } from "#digest";
import fs from "#fs";
import path from "#path";
import { parseJson } from "../cni/json.ts";
import { readFile as readRegular } from "../linux/bounded-file.ts";
import { ERRNO } from "../platform/errno.ts";
import { handling, ifPossible, ignoring } from "../platform/outcome.ts";
import { type CachedEntry, type CacheEntry, findEntry, formatEntry } from "./cache-entry.ts";
import { isMissing } from "./file-error.ts";
import { asIoFailure, decoded } from "./refusal.ts";
import { isAttachment, type RuntimeConf } from "./runtime-conf.ts";
import { parseStated, type StatedResult } from "./stated-result.ts";

/** The library's default cache folder. */
export const CACHE_DIRECTORY = "/var/lib/cni";

/** Identifies an attachment's file in the cache. The library, and any runtime that uses it, also reads and writes these files. */
export interface CacheKey {
  readonly directory: string;
  readonly network: string;
  readonly attachment: Pick<RuntimeConf, "containerId" | "ifname">;
}

/** Stores the result of an ADD atomically. @throws Error of the file operation that failed */
export function writeCached(directory: string, entry: CacheEntry): void {
  const key = { directory, network: entry.network.name, attachment: entry.attachment };
  const results = resultsIn(directory);
  fs.mkdirSync(results, { recursive: true, mode: 0o700 });
  const writeIn = (folder: string) => {
    const draft = freshFile(folder, key);
    try {
      fs.writeFileSync(draft, formatEntry(entry), { mode: 0o600 });
      fs.renameSync(draft, cacheFile(key));
    } finally {
      fs.rmSync(draft, { force: true });
    }
  };
  // Beside the folder of results, because readers take every file in it for an attachment; in it only if it is a mount of its own.
  handling(
    [ERRNO.EXDEV],
    () => writeIn(directory),
    () => writeIn(results),
  );
}

/**
 * The result that ADD stored, or undefined if there is no readable file. Files older than the library's cniCacheV1 contain the result
 * itself. @throws CniError if the file is invalid
 */
export function readCachedResult(key: CacheKey): StatedResult | undefined {
  const bytes = ifPossible(() => readRegular(cacheFile(key)));
  if (bytes === undefined) return undefined;
  const json = decoded("it is not JSON", () => parseJson(bytes));
  const entry = findEntry(json);
  return parseStated(entry === undefined ? json : entry.result, "0.1.0");
}

/** The arguments and the result of an ADD, or undefined if the cache does not have them. */
export function findCached(key: CacheKey): CachedEntry | undefined {
  if (!isAttachment(key.network, key.attachment)) return undefined;
  const entry = readEntry(cacheFile(key));
  return entry?.network === key.network ? entry : undefined;
}

/** A network's entries in the cache. */
export interface CacheListing {
  /** In the order of the file names. */
  readonly attachments: readonly RuntimeConf[];
  /** Files that do not say which attachment they belong to, or the folder if it does not exist. There may be more attachments. */
  readonly unreadable: readonly string[];
}

/** Lists a network's attachments. @throws CniError ioFailure if the cache cannot be listed */
export function listCached(directory: string, network: string): CacheListing {
  const files = readCache(directory);
  if (files === undefined) return { attachments: [], unreadable: [resultsIn(directory)] };
  const attachments: RuntimeConf[] = [];
  const unreadable: string[] = [];
  for (const { file, entry } of files) {
    if (entry?.network === network) attachments.push(entry.attachment);
    if (entry === undefined && path.basename(file).startsWith(`${network}-`)) unreadable.push(file);
  }
  return { attachments, unreadable };
}

/** One file of the cache; without an entry if it cannot be read or does not say which attachment it belongs to. */
export interface CacheFile {
  readonly file: string;
  readonly entry?: CachedEntry;
}

/**
 * The files of the cache, of all networks, in the order of their names; undefined if its folder does not exist. Reads one file at a
 * time, because 20,000 results would need 60 MB. @throws CniError ioFailure if the cache cannot be listed
 */
export function readCache(directory: string): Iterable<CacheFile> | undefined {
  const folder = resultsIn(directory);
  const names = namesIn(folder)?.sort();
  return names === undefined ? undefined : readEach(names.map((name) => path.join(folder, name)));
}

function* readEach(files: readonly string[]): Generator<CacheFile> {
  for (const file of files) {
    const entry = readEntry(file);
    yield entry === undefined ? { file } : { file, entry };
  }
}

function resultsIn(directory: string): string {
  return path.join(directory, "results");
}

/** Deletes an attachment's file. A missing file is no error. @throws Error of the file operation that failed */
export function deleteCached(key: CacheKey): void {
  for (const folder of [key.directory, resultsIn(key.directory)]) fs.rmSync(freshFile(folder, key), { force: true });
  fs.rmSync(cacheFile(key), { force: true });
}

/** The longest file name in bytes, NAME_MAX of linux/limits.h, and the digest digits that replace a longer name. */
const NAME_MAX = 255;
const DIGITS = 64;

/** The library's file name. If it is too long for a file, where the library fails, a name with a digest. */
function cacheFile({ directory, network, attachment }: CacheKey): string {
  return path.join(resultsIn(directory), shorten(`${network}-${attachment.containerId}-${attachment.ifname}`));
}

function shorten(name: string): string {
  if (new TextEncoder().encode(name).length <= NAME_MAX) return name;
  const digest = sha512(name).slice(0, DIGITS);
  return `${name.slice(0, NAME_MAX - DIGITS - 1)}-${digest}`;
}

/** The path of a file until it is complete. */
function freshFile(folder: string, key: CacheKey): string {
  return path.join(folder, shorten(`.${path.basename(cacheFile(key))}`));
}

function readEntry(file: string): CachedEntry | undefined {
  const bytes = ifPossible(() => readRegular(file));
  const entry = bytes === undefined ? undefined : findEntry(ifPossible(() => parseJson(bytes)));
  return entry !== undefined && isAttachment(entry.network, entry.attachment) ? entry : undefined;
}

function namesIn(folder: string): string[] | undefined {
  return asIoFailure("Cannot list the result cache", () => ignoring(isMissing, () => fs.readdirSync(folder)));
}
