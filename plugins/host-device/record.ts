import fs from "#fs";
import path from "#path";
import { parseConfig } from "../../src/cni/config.ts";
import { CniError, reasonOf } from "../../src/cni/error.ts";
import { formatJson, parseJson } from "../../src/cni/json.ts";
import { formatPrefix, type Prefix } from "../../src/ip/prefix.ts";
import { readFile } from "../../src/linux/bounded-file.ts";
import { makeFolders } from "../../src/linux/folder.ts";
import { replaceFile } from "../../src/linux/replace-file.ts";
import { type Attachment, ownerKey } from "../../src/netfilter/owner.ts";
import type { Device, Hardware } from "../../src/netlink/link/device.ts";
import { asLinuxError, isLasting, isPassing } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { isGone, removeFile } from "../../src/steps/record-file.ts";
import type { DeviceSettings } from "./device-settings.ts";
import { record as schema } from "./schema.ts";

/** What a device was on the host before an attachment took it, and where it went. */
export interface DeviceRecord extends Attachment, Hardware {
  /** CNI_NETNS, and the namespace as identifyNetns() tells it. */
  readonly netns: string;
  readonly namespace: string;
  readonly name: string;
  /** Its index, inside too: the kernel keeps it when it can. */
  readonly index: number;
  readonly kind: string;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly alias: string;
  /** Undefined in a record of a release that did not keep them. */
  readonly otherNames: readonly string[] | undefined;
  /** Undefined in a record of a release that did not keep them. */
  readonly kept: DeviceSettings | undefined;
  readonly addresses: readonly Prefix[];
  /** Whether it gets the addresses back. */
  readonly restoreAddresses: boolean;
}

/** The bits of a mode by which others than root may write. <sys/stat.h> */
const WRITABLE = 0o022;

/** The end of a record's name, and the beginning of the name of one that is being written. */
const SUFFIX = ".json";
const DRAFT = ".new-";

/** Whether two records, or a record and a device, are of the same hardware. A virtual link has none. */
export function isSameHardware(one: Hardware & Pick<Device, "kind">, other: Hardware & Pick<Device, "kind">): boolean {
  if (one.parent === undefined && one.permanentMac === undefined) return false;
  const keys = ["kind", "parent", "bus", "permanentMac", "portName"] as const;
  return keys.every((key) => one[key] === other[key]);
}

/**
 * Writes an attachment's record, or replaces it, whole or not at all. The folder is made, for root alone. @throws CniError ioFailure if
 * others may write to the folder, LinuxError
 */
export function saveRecord(dataDir: string, record: DeviceRecord): void {
  const file = fileOf(dataDir, record);
  const draft = path.join(dataDir, `${DRAFT}${path.basename(file)}`);
  asLinuxError(`record in "${file}" how the device was`, () => {
    makeFolders(dataDir, 0o700);
    refuseForeignFolder(dataDir);
    const text = formatJson({ ...record, addresses: record.addresses.map(formatPrefix) }, 1);
    replaceFile(file, { draft, text, mode: 0o600 });
  });
}

/** An attachment's record; undefined if there is none, or none that can be read, which is logged. @throws errors that may pass */
export function findRecord(
  dataDir: string,
  owner: Attachment,
  log: (line: string) => void = () => {},
): DeviceRecord | undefined {
  return read(fileOf(dataDir, owner), log);
}

/** All records that can be read. @throws errors that may pass, such as EIO */
export function listRecords(dataDir: string): readonly DeviceRecord[] {
  const names = ignoring(isLasting, () => fs.readdirSync(dataDir)) ?? [];
  return names
    .filter((name) => name.endsWith(SUFFIX) && !name.startsWith(DRAFT))
    .map((name) => read(path.join(dataDir, name), () => {}))
    .filter((record) => record !== undefined);
}

/** Removes an attachment's record, if there is one. */
export function removeRecord(dataDir: string, owner: Attachment): void {
  removeFile(fileOf(dataDir, owner));
}

/** Nobody else can give the name of another attachment: it is a digest. */
function fileOf(dataDir: string, owner: Attachment): string {
  return path.join(dataDir, `${ownerKey(owner)}${SUFFIX}`);
}

/** Whoever can write a record decides which links DEL moves. */
function refuseForeignFolder(dataDir: string): void {
  const { mode } = fs.statSync(dataDir);
  if ((mode & WRITABLE) === 0) return;
  const message = `Cannot keep records in "${dataDir}": others than root may write to it`;
  throw new CniError("ioFailure", message, { details: `chmod go-w ${dataDir}, or set dataDir to another folder` });
}

function read(file: string, log: (line: string) => void): DeviceRecord | undefined {
  try {
    const { otherNames, kept, portName, parent, bus, permanentMac, ...rest } = parseConfig(
      schema,
      parseJson(readFile(file)),
      file,
    );
    return { ...rest, otherNames, kept, portName, parent, bus, permanentMac };
  } catch (error) {
    if (isPassing(error)) throw error;
    if (!isGone(error)) log(`Cannot read the record ${file}: ${reasonOf(error)}`);
    return undefined;
  }
}
