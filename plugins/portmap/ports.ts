import { CniError } from "../../src/cni/error.ts";
import { findPrevResult, type Request } from "../../src/cni/request.ts";
import type { Address } from "../../src/ip/address.ts";
import { hasLegacyTable } from "../../src/netfilter/iptables/legacy-table.ts";
import { invocationFor } from "../../src/netfilter/iptables/tool.ts";
import { IPTABLES_NAT } from "../../src/netfilter/tables.ts";
import { handling, ignoring } from "../../src/platform/outcome.ts";
import { unlessOther } from "../../src/steps/differences.ts";
import type { Host } from "../../src/steps/host.ts";
import { type Backend, type Netfilter, withIptables } from "../../src/steps/netfilter.ts";
import { endJumps, openRemains, type Remains } from "../../src/steps/remains.ts";
import { changeOwing, type Defer, runAll } from "../../src/steps/undo.ts";
import { parsePortmapConfig } from "./config.ts";
import { forgetAfter, forgetBefore, orLog } from "./connections.ts";
import { isSameContainer, refuseHeld } from "./holder.ts";
import { addIptablesRedirects, findIptablesHeld, listIptablesRedirects, missingIptablesRules } from "./iptables.ts";
import { selectOwnChains } from "./iptables-chains.ts";
import { addRedirects, deleteOwnRedirects } from "./nftables.ts";
import { verifyRedirects } from "./nftables-check.ts";
import { addConditions } from "./nftables-conditions.ts";
import { heldByOthers } from "./nftables-held.ts";
import { type Plan, planPorts } from "./plan.ts";
import { containerAddresses, type Redirect } from "./redirect.ts";
import { deleteReferenceRedirects, hasReferenceRedirects } from "./reference.ts";
import { findReferenceHeld } from "./reference-held.ts";
import { REFERENCE_TABLES, TABLE } from "./tables.ts";

/**
 * Maps the plan's ports; the mappings are deleted when the call fails.
 * @throws CniError portConflict if another attachment has one of them
 */
export function mapPorts(
  host: Host,
  { request, backend, plan }: { request: Request; backend: Backend; plan: Plan },
  defer: Defer,
): void {
  refuseHeldElsewhere(backend, plan);
  // If nothing has been changed yet, the attachment keeps its earlier mappings when the call fails.
  const reversal = () => takeBack(request, host);
  if (backend.kind === "nftables") {
    changeOwing(defer, reversal, () => addRedirects(backend.netlink, plan));
    addConditions(backend, plan);
  } else {
    withIptables("map ports with iptables", () => addIptablesRedirects(backend, plan, () => defer(reversal)));
  }
  orLog(request, () => forgetBefore(host, redirectsOf(plan)));
}

/**
 * Deletes all mappings of the attachment, of every backend and of the reference plugin. Nothing to delete is success. Starts a process
 * only if there are iptables rules.
 */
export function endPorts(request: Request, host: Host): void {
  const remains = openRemains(host);
  const [own, reference] = [remains.within(TABLE), REFERENCE_TABLES.map(remains.within).find((each) => each)];
  let gone: readonly Redirect[] = [];
  let isLeaving = false;
  const stated = () => (gone.length > 0 ? gone : statedRedirects(request));
  runAll([
    () => {
      gone = own === undefined ? [] : deleteOwnRedirects(own, request);
      isLeaving = gone.length > 0;
    },
    // The iptables rules say which UDP connections to delete, so they are listed before they are deleted.
    () => {
      gone = [...gone, ...iptablesRedirects(request, remains, stated)];
    },
    () => endJumps(request, remains, () => selectOwnChains(request)),
    () => reference && deleteReferenceRedirects(reference, request, statedAddresses(request)),
    () => orLog(request, () => forgetAfter(host, stated, remains.socket)),
    () => isLeaving && remains.leave(),
  ]);
}

/**
 * What is missing from the plan, as sentences. Empty if any backend, or the reference plugin, has all of it: a changed configuration does
 * not rebuild existing mappings.
 */
export function checkPorts(backend: Backend, plan: Plan): readonly string[] {
  const nftables = () => checkNftables(backend, plan);
  const iptables = () => checkIptables(backend, plan);
  const [first, second] = backend.kind === "nftables" ? [nftables, iptables] : [iptables, nftables];
  return unlessOther(first(), second);
}

function checkNftables({ netlink }: Netfilter, plan: Plan): readonly string[] {
  if (netlink === undefined) return ["The kernel has no nf_tables"];
  return hasReferenceRedirects(netlink, plan.owner, redirectsOf(plan)) ? [] : verifyRedirects(netlink, plan);
}

function checkIptables(netfilter: Netfilter, plan: Plan): readonly string[] {
  const missing = () => withIptables("list iptables rules", () => missingIptablesRules(netfilter, plan));
  const list = () => missing().map((rule) => `The iptables rule '${rule}' is missing`);
  return handling([CniError], list, ({ message }) => [message]);
}

/** The other backend's mappings count too, and those of the reference plugin: packets for a port reach only one of them. */
function refuseHeldElsewhere(backend: Backend, plan: Plan): void {
  const { owner } = plan;
  const redirects = redirectsOf(plan);
  const reference = findReferenceHeld(backend, redirects, owner);
  if (reference !== undefined) refuseHeld(reference.wanted, reference.held);
  if (backend.kind === "nftables") {
    const found = findIptablesHeld(backend, redirects, owner);
    if (found !== undefined) refuseHeld(found.wanted, found.held);
    return;
  }
  const { netlink } = backend;
  if (netlink === undefined) return;
  const findHeld = heldByOthers(netlink, { owner, isTaken: true });
  for (const redirect of redirects) {
    const held = findHeld(redirect).find((each) => !isSameContainer(owner, each));
    if (held !== undefined) refuseHeld(redirect, held);
  }
}

/** Deletes what this call added, and the attachment's earlier mappings. */
function takeBack(request: Request, host: Host): void {
  const remains = openRemains(host);
  const own = remains.within(TABLE);
  runAll([
    () => own && deleteOwnRedirects(own, request),
    () => endJumps(request, remains, () => selectOwnChains(request)),
  ]);
}

/** The mappings in the configuration and prevResult; empty if they are missing or invalid. */
function statedRedirects(request: Request): readonly Redirect[] {
  const read = () => {
    const config = parsePortmapConfig(request);
    const { prevResult } = request;
    return prevResult === undefined ? [] : redirectsOf(planPorts(request, config, prevResult));
  };
  return ignoring([CniError], read) ?? [];
}

/** The container's addresses in prevResult; empty if they are missing. */
function statedAddresses(request: Request): readonly Address[] {
  const prevResult = findPrevResult(request);
  return prevResult === undefined ? [] : containerAddresses(prevResult, request.ifname).map(({ address }) => address);
}

/** The mappings in the iptables rules. Listing them takes a command, so this is done only if they are not known otherwise. */
function iptablesRedirects(
  request: Request,
  { within, launch }: Remains,
  known: () => readonly Redirect[],
): readonly Redirect[] {
  return ([4, 6] as const).flatMap((family) => {
    const netlink = within(IPTABLES_NAT[family]);
    if (netlink === undefined && !hasLegacyTable(family, "nat")) return [];
    if (known().length > 0) return [];
    return listIptablesRedirects(
      { netlink, invocation: invocationFor({ environment: request.environment, launch }) },
      family,
      request,
    );
  });
}

function redirectsOf({ families }: Pick<Plan, "families">): readonly Redirect[] {
  return families.flatMap(({ redirects }) => redirects);
}
