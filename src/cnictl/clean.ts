import fs from "#fs";
import path from "#path";
import { CniError } from "../cni/error.ts";
import { formatAddress } from "../ip/address.ts";
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
import { CACHE_DIRECTORY, listCached, readCachedResult } from "../runtime/cache.ts";
import { collectPlugins } from "../runtime/garbage.ts";
import { readNetworks } from "../runtime/load.ts";
import { parseNetwork } from "../runtime/network.ts";
import type { ValidAttachment } from "../runtime/plugin-input.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { RuntimeConf } from "../runtime/runtime-conf.ts";
import { defineCommand } from "./command.ts";
import type { Edge } from "./edge.ts";
import { findNfnetlink } from "./nfnetlink.ts";
import { CACHE_OPTION } from "./option.ts";
import { withOwnPlugins } from "./own-plugins.ts";
import { makeRuntime, networkDirectory, reportBroken } from "./target.ts";

/** The plugins whose state on the host outlives a container without a DEL. */
const PLUGINS = ["bridge", "ptp", "vlan", "portmap", "firewall", "bandwidth", "tuning", "host-device"];

/** `cnictl clean`: removes the state of stale attachments on every network, with the plugins of this very executable. */
export const clean = defineCommand({
  name: "clean",
  summary: "Removes what stale attachments left behind, on all networks",
  help: [
    "For a node that went back to other plugins, such as the CNI project's: they do not delete what these",
    "plugins made. Removes rules, elements, limits and interfaces of every attachment that neither a link of",
    "the host names nor a result in the runtimes' cache. Needs no network list and does not use the",
    "installed plugins; the networks in NETCONFPATH are cleaned too. Leases stay.",
  ],
  operands: [],
  options: { "cache-dir": CACHE_OPTION },
  environment: ["NETCONFPATH"],
  run: (edge, { values }) => {
    const names = cleanHost(edge, values["cache-dir"] ?? CACHE_DIRECTORY);
    if (edge.terminal.out) edge.writeOut(`${names.length === 0 ? "no networks" : names.join(", ")}: clean\n`);
    return undefined;
  },
});

/** Removes the state of stale attachments on every network. Returns the networks' names. @throws CniError */
export function cleanHost(edge: Edge, cache: string): readonly string[] {
  refuseUnknown(cache);
  const links = openRtnetlink();
  const [ports, limits] = (["veth", "ifb"] as const).map((kind) => listKind(links, kind).map(({ alias }) => alias));
  const comments = [...(ports ?? []), ...(limits ?? []), ...listRules()];
  const names = new Set([...listNetworks(edge), ...comments.flatMap(networkOf)]);
  withOwnPlugins(edge, PLUGINS, (folder) => {
    const runtime = { ...makeRuntime(edge, cache), path: [folder] };
    for (const name of names) cleanNetwork(runtime, name, ports ?? []);
  });
  return [...names].sort();
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
  try {
    const cached = readCachedResult({ directory: cacheDirectory, network, attachment });
    return cached?.result.ips.map(({ address: { address } }) => formatAddress(address)) ?? [];
  } catch (error) {
    if (error instanceof CniError) return [];
    throw error;
  }
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
