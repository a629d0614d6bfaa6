import type { Prefix } from "../../../src/ip/prefix.ts";
import { addChain, findChain } from "../../../src/netfilter/nftables/chain.ts";
import { compareRuleSet } from "../../../src/netfilter/nftables/compare.ts";
import { tryChanges } from "../../../src/netfilter/nftables/current.ts";
import { addTable, deleteTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import {
  addOwnedElements,
  deleteOwnedElements,
  listOwnedElements,
  type OwnedElement,
} from "../../../src/netfilter/owned-elements.ts";
import { type Selection, selectOwner } from "../../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { addressElements, type CheckedPort, portElements, SETS, TABLE } from "./elements.ts";
import { ENTRY, spoofRules } from "./rules.ts";

/** What the kernel says to tables, and to chains, of a family that it has not got. */
const MISSING: readonly number[] = [ERRNO.EOPNOTSUPP, ERRNO.EAFNOSUPPORT, ERRNO.ENOENT];

/**
 * Whether the kernel has rules for what crosses bridges. One question where our table is there; else it is tried by a transaction
 * that leaves nothing. @throws NetlinkError
 */
export function supportsBridgeRules(netlink: Nfnetlink): boolean {
  if (findChain(netlink, { ...TABLE, name: ENTRY }) !== undefined) return true;
  const table = { family: TABLE.family, name: "cni_probe" };
  const [entry] = spoofRules().chains;
  const chain = { family: TABLE.family, table: table.name, name: ENTRY, ...entry?.base };
  const changes = [addTable(table), addChain(chain), deleteTable(table)];
  const action = "try rules for bridges with nftables";
  return tryChanges(() => applyTransaction(netlink, changes, { action }), MISSING) === undefined;
}

/**
 * Checks what comes from a bridge's port, from the next frame on. With "strict" all that needs an address is dropped until
 * admitAddresses. Twice is once. @throws NetlinkError
 */
export function addSpoofCheck(netlink: Nfnetlink, port: CheckedPort): void {
  const action = `check what comes from port ${port.port} with nftables`;
  addOwnedElements(netlink, { action, elements: portElements(port), rules: spoofRules() });
}

/** Lets a port that is checked strictly send from these addresses. Twice is once. @throws NetlinkError */
export function admitAddresses(netlink: Nfnetlink, port: CheckedPort, prefixes: readonly Prefix[]): void {
  if (prefixes.length === 0) return;
  const action = `admit addresses of port ${port.port} with nftables`;
  addOwnedElements(netlink, { action, elements: addressElements(port, prefixes), rules: spoofRules() });
}

/**
 * Ends the checks of the ports of the attachments selected: for when the ports are gone. Nothing there is success.
 * @throws NetlinkError, or LinuxError EAGAIN when others have changed the rule set for 60 seconds
 */
export function deleteSpoofChecks(netlink: Nfnetlink, selection: Selection): void {
  deleteOwnedElements(netlink, { action: `delete spoof checks of ${selection.label}`, sets: SETS, selection });
}

/**
 * How the kernel differs from what addSpoofCheck and admitAddresses made of the same port, a sentence for each difference; empty
 * where all is in place. @throws NetlinkError
 */
export function verifySpoofCheck(
  netlink: Nfnetlink,
  { port, prefixes }: { port: CheckedPort; prefixes: readonly Prefix[] },
): readonly string[] {
  const addresses = port.check === "strict" ? addressElements(port, prefixes) : [];
  const expected = new Set([...portElements(port), ...addresses].map(describe));
  const own = listOwnedElements(netlink, SETS, selectOwner(port.owner));
  const found = new Set(own.filter((each) => isOf(port, each)).map(describe));
  return [
    ...compareRuleSet(netlink, spoofRules()),
    ...[...expected].filter((each) => !found.has(each)).map((each) => `Spoof check: ${each} is missing`),
    ...[...found].filter((each) => !expected.has(each)).map((each) => `Spoof check: ${each} must not be there`),
  ];
}

function describe({ set, element }: OwnedElement): string {
  const chain = element.data?.verdict?.chain;
  return `element ${element.label}${chain === undefined ? "" : ` : goto ${chain}`} of nftables set ${set.name}`;
}

/** A port that an earlier ADD of the same attachment made is gone, whatever is left about it. */
function isOf({ port }: CheckedPort, { element }: OwnedElement): boolean {
  return element.label.split(" . ")[0] === String(port);
}
