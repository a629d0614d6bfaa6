import { parseConfig } from "../../src/cni/config.ts";
import { findMember, formatJson, isObject, parseJson } from "../../src/cni/json.ts";
import type { Lease } from "../../src/dhcp/lease.ts";
import type { Options } from "../../src/dhcp/options.ts";
import type { Identity } from "../../src/dhcp/question.ts";
import type { Lease6 } from "../../src/dhcp/v6/lease.ts";
import type { Identity6 } from "../../src/dhcp/v6/question.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { formatPrefix, type Prefix } from "../../src/ip/prefix.ts";
import { leaseFile, leaseFile6 } from "./schema.ts";

/** Whose lease it is, and where its interface was at ADD. */
export interface LeasePlace {
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
}

/** An attachment's IPv4 lease, and what is needed to renew it and to give it back. */
export interface LeaseRecord4 extends LeasePlace {
  readonly family: 4;
  readonly identity: Identity;
  readonly priority: number | undefined;
  /** How long ADD could take, in seconds. */
  readonly timeout: number;
  /** The address, with the length of its network part. */
  readonly prefix: Prefix;
  readonly lease: Lease;
}

/** An attachment's IPv6 lease. */
export interface LeaseRecord6 extends LeasePlace {
  readonly family: 6;
  readonly identity: Identity6;
  /** The address alone: its network is what routers announce. */
  readonly prefix: Prefix;
  readonly lease: Lease6;
}

export type LeaseRecord = LeaseRecord4 | LeaseRecord6;

/** The text of a lease file. */
export function formatLease(record: LeaseRecord): string {
  return formatJson(record.family === 4 ? show4(record) : show6(record), 1);
}

/** Reads the text of a lease file. @throws SyntaxError, CniError invalidConfig if it is none */
export function parseLease(text: string, path: string): LeaseRecord {
  const json = parseJson(new TextEncoder().encode(text));
  return isObject(json) && findMember(json, "family") === 6 ? read6(json, path) : read4(json, path);
}

function show4({ family: _, identity, lease, prefix, ...rest }: LeaseRecord4): object {
  return {
    ...rest,
    ...{ mac: identity.mac, clientId: identity.clientId.toHex(), provided: showOptions(identity.provided) },
    ...{ requested: identity.requested, broadcast: identity.broadcast },
    ...{ address: formatPrefix(prefix), server: formatAddress(lease.server), ...showTimes(lease) },
    options: showOptions(lease.options),
  };
}

function read4(json: unknown, path: string): LeaseRecord4 {
  const file = parseConfig(leaseFile, json, path);
  const { network, containerId, ifname, netns, namespace, boot, index, priority, timeout, ...rest } = file;
  const { mac = "", requested, broadcast, server, address: prefix } = rest;
  if (server?.family !== 4 || prefix.address.family !== 4) throw new SyntaxError("it has no IPv4 addresses");
  const known = { clientId: fromHex(rest.clientId), provided: readOptions(rest.provided) };
  const identity = { mac, ...known, requested, broadcast };
  const lease = { address: prefix.address, server, ...readTimes(rest), options: readOptions(rest.options) };
  const place = { network, containerId, ifname, netns, namespace, boot, index };
  return { ...place, family: 4, identity, priority, timeout, prefix, lease };
}

function show6({ identity, lease, prefix, ...rest }: LeaseRecord6): object {
  return {
    ...rest,
    ...{ duid: identity.duid.toHex(), iaid: identity.iaid },
    ...{ address: formatPrefix(prefix), server: lease.server.toHex() },
    ...{ preferUntil: showTime(lease.preferUntil), ...showTimes(lease), options: showOptions(lease.options) },
  };
}

function read6(json: unknown, path: string): LeaseRecord6 {
  const file = parseConfig(leaseFile6, json, path);
  const { network, containerId, ifname, netns, namespace, boot, index, address: prefix, ...rest } = file;
  if (prefix.address.family !== 6) throw new SyntaxError("it has no IPv6 address");
  const { preferUntil = Infinity } = rest;
  const times = { preferUntil, ...readTimes(rest) };
  const lease = { address: prefix.address, server: fromHex(rest.server), ...times, options: readOptions(rest.options) };
  const place = { network, containerId, ifname, netns, namespace, boot, index };
  return { ...place, family: 6, identity: { duid: fromHex(rest.duid), iaid: rest.iaid }, prefix, lease };
}

interface Times {
  readonly renewAt?: number | undefined;
  readonly rebindAt?: number | undefined;
  readonly expireAt?: number | undefined;
}

function showTimes({ renewAt, rebindAt, expireAt }: Required<Times>): Times {
  return { renewAt: showTime(renewAt), rebindAt: showTime(rebindAt), expireAt: showTime(expireAt) };
}

/** JSON has no Infinity: the member is left out. */
function showTime(at: number | undefined): number | undefined {
  return at === undefined || at === Infinity ? undefined : Math.round(at);
}

function readTimes({ renewAt = Infinity, rebindAt = Infinity, expireAt = Infinity }: Times) {
  return { renewAt, rebindAt, expireAt };
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
