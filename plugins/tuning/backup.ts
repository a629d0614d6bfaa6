import { sha512 } from "#digest";
import fs from "#fs";
import path from "#path";
import { parseConfig } from "../../src/cni/config.ts";
import { formatJson, parseJson } from "../../src/cni/json.ts";
import type { ContainerInterface } from "../../src/cni/request.ts";
import { readFile } from "../../src/linux/bounded-file.ts";
import { makeFolders } from "../../src/linux/folder.ts";
import { ERRNO, errnoOf, errnoText, LinuxError } from "../../src/platform/errno.ts";
import type { LinkSettings } from "./link-settings.ts";
import { backup } from "./schema.ts";

/**
 * The interface before ADD. The file format is the reference's; the fields besides the settings are ours, and the reference ignores them.
 */
export interface Backup {
  readonly settings: LinkSettings;
  readonly network: string | undefined;
  /** The namespace, as identifyContainer returns it, and the interface's index there. */
  readonly netns: string | undefined;
  readonly ifindex: number | undefined;
}

/**
 * The maximum length of a file name in bytes (NAME_MAX of linux/limits.h), and the number of digest digits used in place of a longer
 * name.
 */
const NAME_MAX = 255;
const DIGITS = 64;

/** The attachment's file. Its name is the reference's, or a digest if that is too long: with a container ID of more than 230 letters. */
export function backupFile(dataDir: string, { containerId, ifname }: ContainerInterface): string {
  const name = `${containerId}_${ifname}.json`;
  const { length } = new TextEncoder().encode(name);
  return path.join(dataDir, length <= NAME_MAX ? name : `${sha512(name).slice(0, DIGITS)}.json`);
}

/** Writes the file as a new one. Never follows a symbolic link in its place. @throws LinuxError naming the file */
export function saveBackup(file: string, backup: Backup): void {
  try {
    save(file, backup);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    const options = { syscall: "open", errno, reason: errnoText(errno), cause: error };
    throw new LinuxError(`keep in "${file}" how the interface was`, options);
  }
}

function save(file: string, { settings, ...origin }: Backup): void {
  const { mac: address, promisc, mtu, allmulti, txQLen } = settings;
  makeFolders(path.dirname(file), 0o700);
  removeBackup(file);
  const text = formatJson({ mac: address, promisc, mtu, allmulti, txQLen, ...origin }, 1);
  fs.writeFileSync(file, text, { flag: "wx", mode: 0o600 });
}

/** Reads the file; undefined if it is missing. @throws SyntaxError, CniError invalidConfig if it is not a backup file */
export function readBackup(file: string): Backup | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFile(file);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  const { network, netns, ifindex, ...settings } = parseConfig(backup, parseJson(bytes), file);
  return { settings, network, netns, ifindex };
}

/** Removes the file, if there is one. */
export function removeBackup(file: string): void {
  try {
    fs.unlinkSync(file);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** The names of all files in the folder, also those of others. */
export function listBackups(dataDir: string): readonly string[] {
  try {
    return fs.readdirSync(dataDir).filter((name) => name.endsWith(".json"));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** The kernel's errors for a path that does not or cannot exist. */
const NONE: readonly (number | undefined)[] = [ERRNO.ENOENT, ERRNO.ENOTDIR, ERRNO.ENAMETOOLONG, ERRNO.ELOOP];

function isGone(error: unknown): boolean {
  return NONE.includes(errnoOf(error));
}
