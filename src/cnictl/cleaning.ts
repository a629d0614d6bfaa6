import fs from "#fs";
import path from "#path";
import { CniError } from "../cni/error.ts";
import { formatAddress } from "../ip/address.ts";
import { dropGuards } from "../netfilter/iptables/loopback-guard.ts";
import { IptablesError, invocationFor } from "../netfilter/iptables/tool.ts";
import {
  type Attachment,
  COMMENT_MAX,
  isOwnerComment,
  ownerKey,
  ownerKeyOf,
  parseOwnerComment,
} from "../netfilter/owner.ts";
import { listOwnerComments } from "../netfilter/owner-list.ts";
import { listKind } from "../netlink/link/list.ts";
import { openRtnetlink } from "../netlink/socket.ts";
import { byteLength } from "../platform/bytes.ts";
import { ignoring } from "../platform/outcome.ts";
import { listCached, readCachedResult } from "../runtime/cache.ts";
import { collectPlugins } from "../runtime/garbage.ts";
import { readNetworks } from "../runtime/load.ts";
import { parseNetwork } from "../runtime/network.ts";
import type { ValidAttachment } from "../runtime/plugin-input.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { isNetworkName, type RuntimeConf } from "../runtime/runtime-conf.ts";
import { failuresOf } from "../steps/undo.ts";
import type { Edge } from "./edge.ts";
import { findNfnetlink } from "./nfnetlink.ts";
import { withOwnPlugins } from "./own-plugins.ts";
import { makeRuntime, networkDirectory, reportBroken } from "./target.ts";
import { describeRemoved, describeStaying, type Traces, takeTraces } from "./traces.ts";

/** The plugins whose state on the host outlives a container without a DEL. */
const PLUGINS = ["bridge", "ptp", "vlan", "portmap", "firewall", "bandwidth", "tuning", "host-device"];

/** What a cleaning did. */
export interface Cleaning {
  /** The names of the networks, sorted. */
  readonly networks: readonly string[];
  /** What was removed, one line each. */
  readonly removed: readonly string[];
  /** This project's nftables tables that attachments use, one line each. */
  readonly staying: readonly string[];
  /** Why networks could not be cleaned; undefined if all were. To be thrown when the rest has been printed. */
  readonly failure: AggregateError | undefined;
}

/**
 * Removes the state of stale attachments on every network, and rules of iptables that no attachment needs. Continues with the other
 * networks after errors. @throws CniError if no network can be cleaned
 */
export function cleanHost(edge: Edge, cache: string): Cleaning {
  refuseUnknown(cache);
  const before = takeTraces(edge);
  const links = openRtnetlink();
  const [ports, limits] = (["veth", "ifb"] as const).map((kind) => listKind(links, kind).map(({ alias }) => alias));
  const comments = [...(ports ?? []), ...(limits ?? []), ...listRules()];
  // No plugin attaches to a network of another name.
  const names = new Set([...listNetworks(edge), ...comments.flatMap(networkOf)].filter(isNetworkName));
  const failures = withOwnPlugins(edge, PLUGINS, (folder) => {
    const runtime = { ...makeRuntime(edge, cache), path: [folder] };
    return failuresOf([...names].map((name) => () => cleanNetwork(runtime, name, ports ?? [])));
  });
  const reasons = failures.flatMap((each): unknown[] => (each instanceof AggregateError ? each.errors : [each]));
  const after = takeTraces(edge);
  const guards = dropUnusedGuards(edge, after);
  for (const problem of after.problems) edge.writeErr(`${problem}\n`);
  return {
    networks: [...names].sort(),
    removed: [...describeRemoved(before, after), ...guards],
    staying: describeStaying(after),
    failure: reasons.length === 0 ? undefined : new AggregateError(reasons, "Cannot clean all networks"),
  };
}

/** Deletes the iptables rules that only port mappings need, where none is left. Returns them, one line each table. */
function dropUnusedGuards({ environment, launch, writeErr }: Edge, { mapped, problems }: Traces): readonly string[] {
  // There may be mappings that could not be listed.
  if (problems.length > 0) return [];
  const netlink = findNfnetlink();
  try {
    const tables = dropGuards({ netlink, invocation: invocationFor({ environment, launch }) }, mapped);
    return tables.map((table) => `${table}: rules of port mappings against loopback addresses deleted`);
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error;
    writeErr(`Cannot delete the rules of port mappings against loopback addresses: ${error.message}\n`);
    return [];
  } finally {
    netlink?.close();
  }
}

/** Refuses to clean without the runtimes' results: every attachment of plugins other than `bridge` would look stale. */
function refuseUnknown(cache: string): void {
  const folder = path.join(cache, "results");
  if (fs.existsSync(folder)) return;
  const message = `Cannot list the attachments: no folder ${folder}; set the runtimes' cache with --cache-dir`;
  throw new CniError("ioFailure", message);
}

/**
 * Keeps the attachments that the cache or a port names. Of those that only the cache names, GC keeps what has one of their addresses: other
 * plugins may have attached the container again. If one of these cannot be fully identified, the network is skipped. */
function cleanNetwork(runtime: Runtime, name: string, ports: readonly string[]): void {
  const { attachments, unreadable } = listCached(runtime.cacheDirectory, name);
  const hasPort = portFinder(ports);
  const cached = attachments.map((attachment): ValidAttachment => {
    const { containerId, ifname } = attachment;
    const addresses = hasPort({ network: name, ...attachment }) ? [] : cachedAddresses(runtime, name, attachment);
    return { containerID: containerId, ifname, ...(addresses.length > 0 && { addresses }) };
  });
  const own = ports.flatMap((comment) => {
    const owner = parseOwnerComment(comment);
    return owner?.network === name ? [{ comment, owner }] : [];
  });
  const unnamed = own.find(({ comment, owner }) => isCut(comment) && !cached.some((each) => isPartOf(owner, each)));
  if (unnamed !== undefined || unreadable.length > 0) {
    const what = unreadable[0] ?? `the name of the container whose port says "${unnamed?.comment}"`;
    runtime.log(`Network "${name}" is left alone: cannot read ${what}`);
    return;
  }
  const whole = own.filter(({ comment }) => !isCut(comment));
  const valid = [...cached, ...whole.map(({ owner }) => ({ containerID: owner.containerId, ifname: owner.ifname }))];
  const plugins = PLUGINS.map((type) => ({ type }));
  const network = parseNetwork(new TextEncoder().encode(JSON.stringify({ cniVersion: "1.1.0", name, plugins })));
  collectPlugins(runtime, network, valid);
}

/** Whether a port on the host says that these plugins made the attachment, and so whatever it has. */
function portFinder(ports: readonly string[]): (attachment: Attachment) => boolean {
  const keys = new Set(ports.filter(isOwnerComment).map(ownerKeyOf));
  return (attachment) => keys.has(ownerKey(attachment));
}

/** The addresses in an attachment's cached result; none if it cannot be read. */
function cachedAddresses({ cacheDirectory }: Runtime, network: string, attachment: RuntimeConf): readonly string[] {
  const read = () => readCachedResult({ directory: cacheDirectory, network, attachment });
  return ignoring([CniError], read)?.result.ips.map(({ address: { address } }) => formatAddress(address)) ?? [];
}

function isCut(comment: string): boolean {
  return byteLength(comment) >= COMMENT_MAX - 3;
}

function isPartOf(owner: Attachment, { containerID, ifname }: ValidAttachment): boolean {
  return ifname === owner.ifname && containerID.startsWith(owner.containerId);
}

function networkOf(comment: string): readonly string[] {
  const [, network] = /^[0-9a-f]{16}-[0-9a-f]{16}, net: (.*?), if: /.exec(comment) ?? [];
  return network === undefined ? [] : [network];
}

/** The owner comments of the nftables rules; none on a kernel without nf_tables. */
function listRules(): readonly string[] {
  const netlink = findNfnetlink();
  return netlink === undefined ? [] : listOwnerComments(netlink);
}

/** The names of the network lists. The rules of iptables do not name their network. */
function listNetworks(edge: Edge): readonly string[] {
  try {
    return [...readNetworks(networkDirectory(edge))].flatMap((entry) => {
      if ("network" in entry) return [entry.network.name];
      reportBroken(edge, entry.error);
      return [];
    });
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    edge.writeErr(`${error.message}\n`);
    return [];
  }
}
