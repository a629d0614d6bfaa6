import fs from "#fs";
import { parseConfig } from "../../src/cni/config.ts";
import { formatJson, parseJson } from "../../src/cni/json.ts";
import type { Lease } from "../../src/dhcp/lease.ts";
import type { Options } from "../../src/dhcp/options.ts";
import type { Identity } from "../../src/dhcp/question.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { formatPrefix, type Prefix } from "../../src/ip/prefix.ts";
import { readText } from "../../src/linux/bounded-file.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import { isPassing } from "../../src/platform/errno.ts";
import { fitFileName, isGone } from "../../src/steps/record-file.ts";
import { leaseFile } from "./schema.ts";

/** An attachment's lease, and what is needed to renew it and to give it back. */
export interface LeaseRecord {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
  /** CNI_NETNS of ADD, and the namespace, as Container.identify() names it. */
  readonly netns: string;
  readonly namespace: string;
  /** The boot that the times and the namespace belong to. */
  readonly boot: string;
  /** The index of the interface. */
  readonly index: number;
  readonly identity: Identity;
  readonly priority: number | undefined;
  /** How long ADD could take, in seconds. */
  readonly timeout: number;
  /** The address, with the length of its network part. */
  readonly prefix: Prefix;
  readonly lease: Lease;
}

const SUFFIX = ".json";

/** The folder of the leases that a daemon at that socket renews: the socket's path without ".sock". */
export function leaseFolder(socket: string): string {
  return socket.endsWith(".sock") ? socket.slice(0, -".sock".length) : `${socket}.leases`;
}

/** The file of an attachment's lease. A colon is in no part of the name, so each attachment has its own. */
export function leasePath(folder: string, { network, containerId, ifname }: Attachment): string {
  return `${folder}/${fitFileName(`${network}:${containerId}:${ifname}${SUFFIX}`)}`;
}

/** The text of a lease file. */
export function formatLease(record: LeaseRecord): string {
  const { identity, lease, prefix, ...rest } = record;
  const time = (at: number) => (at === Infinity ? undefined : Math.round(at));
  return formatJson(
    {
      ...rest,
      ...{ mac: identity.mac, clientId: identity.clientId.toHex(), provided: showOptions(identity.provided) },
      ...{ requested: identity.requested, broadcast: identity.broadcast },
      ...{ address: formatPrefix(prefix), server: formatAddress(lease.server) },
      ...{ renewAt: time(lease.renewAt), rebindAt: time(lease.rebindAt), expireAt: time(lease.expireAt) },
      options: showOptions(lease.options),
    },
    1,
  );
}

/** Reads the text of a lease file. @throws SyntaxError, CniError invalidConfig if it is none */
export function parseLease(text: string, path: string): LeaseRecord {
  const file = parseConfig(leaseFile, parseJson(new TextEncoder().encode(text)), path);
  const { network, containerId, ifname, netns, namespace, boot, index, priority, timeout, ...rest } = file;
  const { mac = "", requested, broadcast, server, address: prefix } = rest;
  if (server?.family !== 4 || prefix.address.family !== 4) throw new SyntaxError("it has no IPv4 addresses");
  const identity = {
    mac,
    clientId: fromHex(rest.clientId),
    provided: readOptions(rest.provided),
    requested,
    broadcast,
  };
  const { renewAt = Infinity, rebindAt = Infinity, expireAt = Infinity } = rest;
  const times = { renewAt, rebindAt, expireAt };
  const lease = { address: prefix.address, server, ...times, options: readOptions(rest.options) };
  return { network, containerId, ifname, netns, namespace, boot, index, identity, priority, timeout, prefix, lease };
}

/** A lease file as it was read. */
export interface StoredLease {
  readonly path: string;
  readonly text: string;
  readonly record: LeaseRecord;
}

/** Reads a lease file; undefined if there is none. @throws SyntaxError, CniError if it is broken, and the errors of node:fs */
export function readLeaseFile(path: string): StoredLease | undefined {
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  return { path, text, record: parseLease(text, path) };
}

/** All leases of a folder. A file that cannot be read is logged and left out. @throws errors that may pass, such as EIO */
export function listLeases(folder: string, log: (line: string) => void): readonly StoredLease[] {
  return listNames(folder).flatMap((name) => {
    try {
      return readLeaseFile(`${folder}/${name}`) ?? [];
    } catch (error) {
      if (isPassing(error)) throw error;
      log(`Cannot read the lease in ${folder}/${name}: ${error instanceof Error ? error.message : error}`);
      return [];
    }
  });
}

function listNames(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder).filter((name) => name.endsWith(SUFFIX));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function showOptions(options: Options): Readonly<Record<string, string>> {
  return Object.fromEntries([...options].map(([code, value]) => [String(code), value.toHex()]));
}

function readOptions(options: Readonly<Record<string, string>>): Options {
  return new Map(Object.entries(options).map(([code, value]) => [Number(code) & 0xff, fromHex(value)]));
}

/** @throws SyntaxError */
function fromHex(text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new SyntaxError(`"${text}" must be bytes in hexadecimal`);
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
