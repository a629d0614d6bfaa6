import fs from "#fs";
import path from "#path";
import { parseConfig } from "../../src/cni/config.ts";
import { formatJson, parseJson } from "../../src/cni/json.ts";
import type { ContainerInterface } from "../../src/cni/request.ts";
import { readFile } from "../../src/linux/bounded-file.ts";
import { makeFolders } from "../../src/linux/folder.ts";
import { asLinuxError } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { fitFileName, isGone, removeFile } from "../../src/steps/record-file.ts";
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

/** The attachment's file. Its name is the reference's, or a digest if that is too long: with a container ID of more than 230 letters. */
export function backupFile(dataDir: string, { containerId, ifname }: ContainerInterface): string {
  return path.join(dataDir, fitFileName(`${containerId}_${ifname}.json`));
}

/** Writes the file as a new one. Never follows a symbolic link in its place. @throws LinuxError naming the file */
export function saveBackup(file: string, backup: Backup): void {
  asLinuxError(`keep in "${file}" how the interface was`, () => save(file, backup));
}

function save(file: string, { settings, ...origin }: Backup): void {
  const { mac: address, promisc, mtu, allmulti, txQLen } = settings;
  makeFolders(path.dirname(file), 0o700);
  removeFile(file);
  const text = formatJson({ mac: address, promisc, mtu, allmulti, txQLen, ...origin }, 1);
  fs.writeFileSync(file, text, { flag: "wx", mode: 0o600 });
}

/** Reads the file; undefined if it is missing. @throws SyntaxError, CniError invalidConfig if it is not a backup file */
export function readBackup(file: string): Backup | undefined {
  const bytes = ignoring(isGone, () => readFile(file));
  if (bytes === undefined) return undefined;
  const { network, netns, ifindex, ...settings } = parseConfig(backup, parseJson(bytes), file);
  return { settings, network, netns, ifindex };
}

/** The names of all files in the folder, also those of others. */
export function listBackups(dataDir: string): readonly string[] {
  const names = ignoring(isGone, () => fs.readdirSync(dataDir)) ?? [];
  return names.filter((name) => name.endsWith(".json"));
}
