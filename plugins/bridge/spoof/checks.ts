import type { Prefix } from "../../../src/ip/prefix.ts";
import { addChain, findChain } from "../../../src/netfilter/nftables/chain.ts";
import { compareRuleSet } from "../../../src/netfilter/nftables/compare.ts";
import { tryChanges } from "../../../src/netfilter/nftables/current.ts";
import { addTable, deleteTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { type CurrentAddresses, keyOf } from "../../../src/netfilter/outdated.ts";
import {
  addOwnedElements,
  deleteOwnedElements,
  listOwnedElements,
  type OwnedElement,
} from "../../../src/netfilter/owned-elements.ts";
import { type Selection, selectNetwork, selectOwner } from "../../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { addressElements, type CheckedPort, portElement, portElements, SETS, TABLE } from "./elements.ts";
import { ENTRY, spoofRules } from "./rules.ts";

/** Errors of a kernel that does not support this family's tables or chains. */
const MISSING: readonly number[] = [ERRNO.EOPNOTSUPP, ERRNO.EAFNOSUPPORT, ERRNO.ENOENT];

/**
 * Whether the kernel can filter frames on bridges. If our table exists, this is one request. Otherwise it is tried with a transaction
 * that changes nothing.
 * @throws NetlinkError
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
 * Checks every frame from this port from now on. With "strict", frames that need an address are dropped until admitAddresses. Repeating
 * it is safe.
 * @throws NetlinkError
 */
export function addSpoofCheck(netlink: Nfnetlink, port: CheckedPort): void {
  const action = `check what comes from port ${port.port} with nftables`;
  addOwnedElements(netlink, { action, elements: portElements(port), rules: spoofRules() });
}

/**
 * Allows a port with strict checks to send from these addresses, and no longer to ask for others. Repeating it is safe.
 * @throws NetlinkError
 */
export function admitAddresses(netlink: Nfnetlink, port: CheckedPort, prefixes: readonly Prefix[]): void {
  const asked = port.asks === true ? [portElement({ ...port, asks: false })] : [];
  const elements = [...asked, ...addressElements(port, prefixes)];
  if (elements.length === 0) return;
  const action = `admit addresses of port ${port.port} with nftables`;
  addOwnedElements(netlink, { action, elements, rules: spoofRules() });
}

/**
 * Deletes the checks of the selected attachments' ports. Call it when the ports are gone. Nothing to delete is success.
 * @throws NetlinkError, or LinuxError EAGAIN if others kept changing the rule set for 60 seconds
 */
export function deleteSpoofChecks(netlink: Nfnetlink, selection: Selection): void {
  deleteOwnedElements(netlink, { action: `delete spoof checks of ${selection.label}`, sets: SETS, selection });
}

/**
 * Deletes the checks of these attachments' ports that no longer exist. Other plugins may have attached the containers again.
 * @throws NetlinkError, or LinuxError EAGAIN if others kept changing the rule set for 60 seconds
 */
export function deleteOutdatedSpoofChecks(
  netlink: Nfnetlink,
  network: string,
  { current: { addresses }, ports }: { current: CurrentAddresses; ports: ReadonlySet<number> },
): void {
  const action = `delete outdated spoof checks of network ${network}`;
  const choose = (elements: readonly OwnedElement[]) =>
    elements.filter((each) => addresses.has(keyOf(each)) && !ports.has(portOf(each)));
  deleteOwnedElements(netlink, { action, sets: SETS, selection: selectNetwork(network), choose });
}

/**
 * The differences between the kernel's state and what addSpoofCheck and admitAddresses set up for a port, one sentence each; empty if
 * there are none.
 * @throws NetlinkError
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

/** Elements of another port are left by an earlier ADD of this attachment, whose port is gone. */
function isOf({ port }: CheckedPort, element: OwnedElement): boolean {
  return portOf(element) === port;
}

/** The link index of the port. */
function portOf({ element }: OwnedElement): number {
  return Number(element.label.split(" . ")[0]);
}
