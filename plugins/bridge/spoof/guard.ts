import { CniError } from "../../../src/cni/error.ts";
import type { ContainerInterface, Request } from "../../../src/cni/request.ts";
import type { IpConfig } from "../../../src/cni/result.ts";
import type { Prefix } from "../../../src/ip/prefix.ts";
import { currentAddresses } from "../../../src/netfilter/outdated.ts";
import { selectOwner, selectStale } from "../../../src/netfilter/owner.ts";
import { OWN_TABLES, REFERENCE_TABLES } from "../../../src/netfilter/tables.ts";
import { BR_BOOLOPT } from "../../../src/netlink/link/attributes.ts";
import { listKind } from "../../../src/netlink/link/list.ts";
import type { Link } from "../../../src/netlink/link/message.ts";
import { ALL_GROUPS, ignoreLinkLocalSenders, setLinkUp, setPort } from "../../../src/netlink/link/set.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import type { Host } from "../../../src/steps/host.ts";
import { openNetfilter } from "../../../src/steps/netfilter.ts";
import type { Remains } from "../../../src/steps/remains.ts";
import { type Defer, runAll } from "../../../src/steps/undo.ts";
import type { VethPair } from "../../../src/steps/veth.ts";
import type { BridgeConfig } from "../config.ts";
import {
  addSpoofCheck,
  admitAddresses,
  deleteOutdatedSpoofChecks,
  deleteSpoofChecks,
  supportsBridgeRules,
  verifySpoofCheck,
} from "./checks.ts";
import type { CheckedPort, SpoofCheck } from "./elements.ts";
import { deleteReferenceSpoofCheck, listReferenceSpoofRules } from "./reference.ts";

/** The spoof checks of one call. */
export interface SpoofGuard {
  readonly netlink: Nfnetlink;
  readonly check: SpoofCheck;
  /** Whether the IPAM plugin sends from the interface. */
  readonly asks?: boolean;
}

/** A container's place on a bridge. */
interface Place {
  readonly request: Request;
  readonly bridge: Link;
  readonly veth: VethPair;
}

/** A container's place on a bridge, with all that the kernel reports of its links. */
interface KnownPlace extends Place {
  readonly veth: Readonly<Record<keyof VethPair, Link>>;
}

/**
 * Opens the configured spoof checks; undefined if none are configured. When the call fails, its checks are deleted. Call this before the
 * port is created, so that the port is deleted first.
 * @throws CniError unsupportedField if the kernel does not support them
 */
export function openSpoofGuard(
  host: Host,
  { request, config: { spoofCheck: check }, asks = false }: { request: Request; config: BridgeConfig; asks?: boolean },
  defer: Defer,
): SpoofGuard | undefined {
  if (check === undefined) return undefined;
  const netlink = requireBridgeRules(host, request, check);
  defer(() => deleteSpoofChecks(netlink, selectOwner(request)));
  return { netlink, check, asks };
}

/** Whether ADD could set up the configured checks. @throws CniError unsupportedField */
export function requireSpoofCheck(host: Host, request: Request, { spoofCheck }: BridgeConfig): void {
  if (spoofCheck !== undefined) requireBridgeRules(host, request, spoofCheck);
}

/**
 * Adds the checks of a port that is down, then brings it up, so that every frame is checked. With "strict", frames that need an address
 * are dropped until admitIps, except for those by which an IPAM plugin asks whether addresses are in use.
 */
export function guardPort(host: Host, guard: SpoofGuard, place: Place): void {
  const { bridge, veth } = place;
  addSpoofCheck(guard.netlink, checkedPort(guard, place));
  // No rule sees frames to link-local groups. The bridge learns from them, and the host accepts IP packets in them.
  if (guard.check === "strict") setPort(host.netlink, veth.port, { groups: ALL_GROUPS });
  else if (learnsUnseen(bridge)) ignoreLinkLocalSenders(host.netlink, bridge);
  setLinkUp(host.netlink, veth.port);
}

/** Allows the container to send from the addresses that IPAM assigned. */
export function admitIps(guard: SpoofGuard, place: Place, ips: readonly IpConfig[]): void {
  if (guard.check !== "strict") return;
  admitAddresses(guard.netlink, checkedPort(guard, place), prefixesOf(ips));
}

/**
 * Deletes the checks of the attachment's ports, also those of the reference plugins. The ports are deleted already. Nothing to delete is
 * success.
 */
export function endSpoofCheck(request: Request, { within }: Remains): void {
  const [own, reference] = [within(OWN_TABLES.spoofCheck), within(REFERENCE_TABLES.spoofCheck)];
  runAll([
    () => own && deleteSpoofChecks(own, selectOwner(request)),
    () => reference && deleteReferenceSpoofCheck(reference, request),
  ]);
}

/**
 * Deletes the checks of all attachments of the network except the valid ones, and those of valid ones that were attached by other plugins
 * since. Checks of the reference plugins stay: they do not name their network.
 */
export function endStaleSpoofChecks(
  host: Host,
  { network }: Request,
  { within, valid }: Pick<Remains, "within"> & { readonly valid: readonly ContainerInterface[] },
): void {
  const own = within(OWN_TABLES.spoofCheck);
  if (own === undefined) return;
  deleteSpoofChecks(own, selectStale(network, valid));
  const current = currentAddresses(network, valid);
  if (current.owners.length === 0) return;
  const ports = new Set(listKind(host.netlink, "veth").map(({ index }) => index));
  deleteOutdatedSpoofChecks(own, network, { current, ports });
}

/** What is missing from the checks, as sentences. For a check of the MAC only, the reference plugins' rules count too. */
export function verifySpoofGuard(
  host: Host,
  { request, bridge, veth, config: { spoofCheck: check } }: KnownPlace & { readonly config: BridgeConfig },
  ips: readonly IpConfig[],
): readonly string[] {
  if (check === undefined) return [];
  const netlink = requireBridgeRules(host, request, check);
  if (check === "mac" && listReferenceSpoofRules(netlink, request).length > 0) return [];
  const port = checkedPort({ netlink, check }, { request, bridge, veth });
  return [...verifySpoofCheck(netlink, { port, prefixes: prefixesOf(ips) }), ...unseenBy({ bridge, veth }, check)];
}

/**
 * Whether a bridge learns MACs from frames that no rule sees (frames to link-local groups). False if its kernel has no NO_LL_LEARN
 * option.
 */
export function learnsUnseen({ bridge }: Link): boolean {
  return bridge?.bits !== undefined && (bridge.bits.values & (1 << BR_BOOLOPT.NO_LL_LEARN)) === 0;
}

function unseenBy({ bridge, veth }: Omit<KnownPlace, "request">, check: SpoofCheck): readonly string[] {
  const groups = veth.port.port?.groups;
  if (check === "mac")
    return learnsUnseen(bridge) ? [`Bridge "${bridge.name}" has no_linklocal_learn off, expected on`] : [];
  return groups === ALL_GROUPS ? [] : [`Port "${veth.port.name}" has group_fwd_mask ${groups}, expected ${ALL_GROUPS}`];
}

function requireBridgeRules(host: Host, request: Request, check: SpoofCheck): Nfnetlink {
  const { netlink } = openNetfilter(host, request);
  if (netlink !== undefined && supportsBridgeRules(netlink)) return netlink;
  const field = check === "strict" ? 'spoofchk "strict"' : "macspoofchk true";
  const missing = netlink === undefined ? "no nf_tables" : "no nf_tables for bridges, it needs CONFIG_NF_TABLES_BRIDGE";
  throw new CniError("unsupportedField", `Cannot use ${field}: the kernel has ${missing}`);
}

function checkedPort({ check, asks = false }: SpoofGuard, { request, veth }: Place): CheckedPort {
  const { network, ifname, containerId } = request;
  return { owner: { network, ifname, containerId }, port: veth.port.index, mac: veth.inside.mac, check, asks };
}

function prefixesOf(ips: readonly IpConfig[]): readonly Prefix[] {
  return ips.map(({ address }) => address);
}
