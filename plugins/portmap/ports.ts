import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Address } from "../../src/ip/address.ts";
import { type Owner, selectOwner, selectStale } from "../../src/netfilter/owner.ts";
import { type Backend, type Netfilter, openNetfilter, withIptables } from "../../src/steps/netfilter.ts";
import { type Defer, runAll } from "../../src/steps/undo.ts";
import { type PortmapConfig, parsePortmapConfig } from "./config.ts";
import { forgetAfter, forgetBefore } from "./connections.ts";
import { isSameContainer, refuseHeld } from "./holder.ts";
import {
  addIptablesRedirects,
  deleteIptablesRedirects,
  findIptablesHeld,
  listIptablesRedirects,
  missingIptablesRules,
} from "./iptables.ts";
import { selectOwnChains, selectStaleChains } from "./iptables-chains.ts";
import { addRedirects, deleteRedirects, listRedirects } from "./nftables.ts";
import { verifyRedirects } from "./nftables-check.ts";
import { addConditions } from "./nftables-conditions.ts";
import { heldByOthers } from "./nftables-held.ts";
import { type Plan, planPorts } from "./plan.ts";
import { containerAddresses, type Redirect } from "./redirect.ts";
import { deleteReferenceRedirects, hasReferenceRedirects } from "./reference.ts";

/** Maps the plan's ports; ended again when the call fails. @throws CniError portConflict where another attachment has one of them */
export function mapPorts(request: Request, { backend, plan }: { backend: Backend; plan: Plan }, defer: Defer): void {
  refuseHeldElsewhere(backend, plan);
  // Where nothing has been changed yet, what the attachment had before is still there when the call fails.
  const owe = () => defer(() => remove(backend, plan.owner));
  if (backend.kind === "nftables") {
    addRedirects(backend.netlink, plan);
    owe();
    addConditions(backend.netlink, plan, request.environment);
  } else {
    withIptables("map ports with iptables", () => addIptablesRedirects(backend, plan, owe));
  }
  forget(request, () => forgetBefore(redirectsOf(plan)));
}

/**
 * Ends all mappings of the attachment, whatever was mapped and whichever backend was asked for, also what the reference plugin made. Nothing there is
 * success. No process is started unless there are rules of iptables.
 */
export function endPorts(request: Request): void {
  const netfilter = openNetfilter(request);
  const stated = statedRedirects(request);
  const gone = [...stated];
  runAll([
    // What UDP connections are to be forgotten, the rules tell as long as they are there.
    () => gone.push(...presentRedirects(netfilter, request, stated)),
    () => remove(netfilter, request),
    () => netfilter.netlink && deleteReferenceRedirects(netfilter.netlink, request, statedAddresses(request)),
    () => forget(request, () => forgetAfter(gone)),
  ]);
}

/** The same for every attachment of the network but these; what does not say its network stays. */
export function endStalePorts(request: Request, valid: readonly Omit<Owner, "network">[]): void {
  const netfilter = openNetfilter(request);
  const { network } = request;
  const selection = selectStale(network, valid);
  const gone: Redirect[] = [];
  runAll([
    () => gone.push(...(netfilter.netlink === undefined ? [] : listRedirects(netfilter.netlink, selection))),
    () => netfilter.netlink && deleteRedirects(netfilter.netlink, selection),
    () => deleteFromIptables(netfilter, selectStaleChains(network, valid)),
    () => forget(request, () => forgetAfter(gone)),
  ]);
}

/**
 * What is missing of the plan, as sentences: nothing where any backend, also the reference plugin's, has all of it, for it is not made anew when
 * the configuration changes.
 */
export function checkPorts(backend: Backend, plan: Plan): readonly string[] {
  const nftables = () => checkNftables(backend, plan);
  const iptables = () => checkIptables(backend, plan);
  const [first, second] = backend.kind === "nftables" ? [nftables, iptables] : [iptables, nftables];
  const differences = first();
  return differences.length === 0 || second().length === 0 ? [] : differences;
}

function checkNftables({ netlink }: Netfilter, plan: Plan): readonly string[] {
  if (netlink === undefined) return ["The kernel has no nf_tables"];
  return hasReferenceRedirects(netlink, plan.owner, redirectsOf(plan)) ? [] : verifyRedirects(netlink, plan);
}

function checkIptables(netfilter: Netfilter, plan: Plan): readonly string[] {
  try {
    return withIptables("list iptables rules", () => missingIptablesRules(netfilter, plan)).map(
      (rule) => `The iptables rule '${rule}' is missing`,
    );
  } catch (error) {
    if (error instanceof CniError) return [error.message];
    throw error;
  }
}

/** The other backend's mappings count as well: packets for a port come to one of them alone. */
function refuseHeldElsewhere(backend: Backend, plan: Plan): void {
  const { owner } = plan;
  const redirects = redirectsOf(plan);
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

function remove(netfilter: Netfilter, owner: Owner): void {
  const { netlink } = netfilter;
  runAll([
    () => netlink && deleteRedirects(netlink, selectOwner(owner)),
    () => deleteFromIptables(netfilter, selectOwnChains(owner)),
  ]);
}

function deleteFromIptables(netfilter: Netfilter, chains: ReturnType<typeof selectOwnChains>): void {
  const action = `delete iptables rules of ${chains.label}`;
  runAll(
    ([4, 6] as const).map((family) => () => {
      withIptables(action, () => deleteIptablesRedirects(netfilter, family, chains));
    }),
  );
}

/** What the configuration and prevResult say, where the runtime hands them over and they can be read. */
function statedRedirects(request: Request): readonly Redirect[] {
  try {
    const config: PortmapConfig = parsePortmapConfig(request);
    const { prevResult } = request;
    return prevResult === undefined ? [] : redirectsOf(planPorts(request, config, prevResult));
  } catch (error) {
    if (error instanceof CniError) return [];
    throw error;
  }
}

/** The container's addresses, where prevResult says them. */
function statedAddresses(request: Request): readonly Address[] {
  try {
    const { prevResult } = request;
    return prevResult === undefined ? [] : containerAddresses(prevResult, request.ifname).map(({ address }) => address);
  } catch (error) {
    if (error instanceof CniError) return [];
    throw error;
  }
}

/** What the rules say. Those of iptables are listed by a command, and only where nothing else has told. */
function presentRedirects(netfilter: Netfilter, owner: Owner, stated: readonly Redirect[]): readonly Redirect[] {
  const own = netfilter.netlink === undefined ? [] : listRedirects(netfilter.netlink, selectOwner(owner));
  if (own.length > 0 || stated.length > 0) return own;
  return listIptablesRedirects(netfilter, owner);
}

function redirectsOf({ families }: Pick<Plan, "families">): readonly Redirect[] {
  return families.flatMap(({ redirects }) => redirects);
}

/** A kernel that does not tell of connections maps ports all the same. */
function forget({ log }: Request, run: () => void): void {
  try {
    run();
  } catch (error) {
    log(`Cannot forget UDP connections to mapped ports: ${error instanceof Error ? error.message : String(error)}`);
  }
}
