import { type ContainerInterface, findPrevResult, type Request } from "../../cni/request.ts";
import type { IpConfig } from "../../cni/result.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { selectOutdatedJumps, selectOwnJumps, selectStaleJumps } from "../../netfilter/iptables/jump.ts";
import { IptablesError } from "../../netfilter/iptables/tool.ts";
import { currentAddresses } from "../../netfilter/outdated.ts";
import { type Selection, selectOwner, selectStale } from "../../netfilter/owner.ts";
import { OWN_TABLES, REFERENCE_TABLES } from "../../netfilter/tables.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { handling } from "../../platform/outcome.ts";
import { unlessOther } from "../differences.ts";
import type { Host } from "../host.ts";
import { type Backend, type Netfilter, openBackend, withIptables } from "../netfilter.ts";
import { endJumps, openRemains, type Remains } from "../remains.ts";
import { type Defer, runAll } from "../undo.ts";
import { verifyMasquerade } from "./check.ts";
import { addMasquerade, deleteOutdated, deleteSelected } from "./elements.ts";
import { addIptablesMasquerade, missingIptablesMasquerade } from "./iptables.ts";
import { deleteReferenceRules, listReferenceRules } from "./reference.ts";
import type { Wanted } from "./rules.ts";

/** The masquerading of an attachment as its configuration has it. */
export interface Masquerading {
  readonly request: Request;
  /** The value of `ipMasqBackend`. */
  readonly asked: string | undefined;
  readonly ips: readonly IpConfig[];
  /** Other destinations to which packets keep their source. */
  readonly keep: readonly Prefix[];
}

/** The backend for the value of `ipMasqBackend`. @throws CniError unsupportedField if the host lacks it */
export function openMasqueradeBackend(host: Host, request: Request, asked: string | undefined): Backend {
  return openBackend(host, request, { field: "ipMasqBackend", asked, need: "ipMasq true" });
}

/** Masquerades packets from the attachment's addresses, except to its own network and to `keep`. It is undone if the call fails. */
export function masquerade(
  host: Host,
  {
    request,
    backend,
    ips,
    keep,
  }: { request: Request; backend: Backend; ips: readonly IpConfig[]; keep: readonly Prefix[] },
  defer: Defer,
): void {
  const wanted = { owner: request, prefixes: ips.map(({ address }) => address), keep };
  defer(() => {
    const remains = openRemains(host);
    runAll([
      () => endElements(remains, () => selectOwner(request)),
      () => endJumps(request, remains, () => selectOwnJumps(request, [])),
    ]);
  });
  if (backend.kind === "nftables") addMasquerade(backend.netlink, wanted);
  else withIptables("masquerade with iptables", () => addIptablesMasquerade(backend, wanted));
}

/**
 * Ends the masquerading of an attachment, with any addresses and in any backend, including the reference plugins' rules.
 * Nothing to delete is success, also on a kernel without nf_tables. Starts a process only if there are iptables-legacy rules.
 */
export function endMasquerade(request: Request, remains: Remains): void {
  runAll([
    () => endElements(remains, () => selectOwner(request)),
    () =>
      endJumps(request, remains, () =>
        selectOwnJumps(
          request,
          findPrevResult(request)?.ips.map(({ address }) => address.address),
        ),
      ),
  ]);
}

/**
 * Ends the masquerading of every attachment of the network that is not in the list of valid ones, in any backend, and this project's of
 * addresses that valid ones no longer have.
 */
export function endStaleMasquerade(request: Request, remains: Remains, valid: readonly ContainerInterface[]): void {
  const { network } = request;
  const current = currentAddresses(network, valid);
  const own = current.owners.length === 0 ? undefined : remains.within(OWN_TABLES.masquerade);
  runAll([
    () => endElements(remains, () => selectStale(network, valid)),
    () => endJumps(request, remains, () => selectStaleJumps(network, valid)),
    () => own && deleteOutdated(own, network, current),
    () => current.owners.length > 0 && endJumps(request, remains, () => selectOutdatedJumps(network, current)),
  ]);
}

/**
 * The missing masquerading rules of the attachment, as sentences. Nothing is missing if any backend, including the reference
 * plugins', has all rules: they are not made again when the configuration changes.
 */
export function checkMasquerade(host: Host, { request, asked, ips, keep }: Masquerading): readonly string[] {
  const backend = openMasqueradeBackend(host, request, asked);
  const wanted = { owner: request, prefixes: ips.map(({ address }) => address), keep };
  const nftables = () => checkNftables(backend, wanted);
  const iptables = () => checkIptables(backend, wanted);
  const [first, second] = backend.kind === "nftables" ? [nftables, iptables] : [iptables, nftables];
  return unlessOther(first(), second);
}

/** Deletes the attachments' rules of both nftables backends, ours and the reference plugins'. */
function endElements({ within }: Remains, select: () => Selection): void {
  const [own, reference] = [within(OWN_TABLES.masquerade), within(REFERENCE_TABLES.masquerade)];
  runAll([() => own && deleteSelected(own, select()), () => reference && deleteReferenceRules(reference, select())]);
}

function checkNftables({ netlink }: Netfilter, wanted: Wanted): readonly string[] {
  if (netlink === undefined) return ["The kernel has no nf_tables"];
  const differences = verifyMasquerade(netlink, wanted);
  return differences.length === 0 || hasReferenceRules(netlink, wanted) ? [] : differences;
}

/** Whether the reference plugins' rules do all of it: they have no list of destinations that keep the source. */
function hasReferenceRules(netlink: Nfnetlink, { owner, prefixes, keep = [] }: Wanted): boolean {
  return keep.length === 0 && listReferenceRules(netlink, selectOwner(owner)).length >= prefixes.length;
}

function checkIptables(netfilter: Netfilter, wanted: Wanted): readonly string[] {
  const check = () =>
    missingIptablesMasquerade(netfilter, wanted).map((rule) => `The iptables rule '${rule}' of table nat is missing`);
  return handling([IptablesError], check, ({ message }) => [`Cannot list iptables rules: ${message}`]);
}
