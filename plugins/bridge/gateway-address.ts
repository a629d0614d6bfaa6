import { CniError } from "../../src/cni/error.ts";
import { isLinkLocal } from "../../src/ip/address.ts";
import { linkLocalAddress } from "../../src/ip/link-local.ts";
import { broadcastAddress, formatPrefix, isSamePrefix, type Prefix, prefixContains } from "../../src/ip/prefix.ts";
import { parseOwnerComment } from "../../src/netfilter/owner.ts";
import { refusals } from "../../src/netlink/acknowledgement.ts";
import { addAddress } from "../../src/netlink/address/add.ts";
import { deleteAddress } from "../../src/netlink/address/delete.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import type { LinkAddress } from "../../src/netlink/address/message.ts";
import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { handling, ignoring, succeeds } from "../../src/platform/outcome.ts";
import type { Host } from "../../src/steps/host.ts";
import { changeOwing, type Defer } from "../../src/steps/undo.ts";

/** How often to try to add the link-local address. The kernel may add it at any moment, too. */
const LINK_LOCAL_ATTEMPTS = 3;

/** The host's interface in a network: the bridge itself, or a link in a VLAN of it. */
export interface Gateway<L extends LinkId = Link> {
  readonly link: L;
  /** The ports of other containers that use it. */
  readonly listOthers: () => readonly Link[];
}

/**
 * Adds the gateway's addresses, like `ip address add PREFIX dev NAME`, and returns those that are new. Pins the gateway's MAC if one is
 * new. The addresses work at once. A different IPv4 address, or an IPv6 address with an overlapping prefix, is a conflict: `force`
 * replaces it, otherwise the call is refused. When the call fails, new addresses are deleted unless others use the gateway by then.
 * @throws CniError bridgeConflict
 */
export function ensureGatewayAddresses(
  host: Host,
  gateway: Gateway,
  wanted: { addresses: readonly Prefix[]; force: boolean },
  defer: Defer,
): readonly Prefix[] {
  return wanted.addresses.filter((address) => ensureGatewayAddress(host, gateway, { ...wanted, address }, defer));
}

/** Returns whether this call added the address. */
function ensureGatewayAddress(
  host: Host,
  { link, listOthers }: Gateway,
  { address, addresses, force }: { address: Prefix; addresses: readonly Prefix[]; force: boolean },
  defer: Defer,
): boolean {
  const found = listAddresses(host.netlink, link, address.address.family);
  const present = found.map(({ prefix }) => prefix);
  if (present.some((prefix) => isSamePrefix(prefix, address))) return false;
  if (!force) refuseConflict({ link, listOthers }, { present, address, addresses });
  for (const other of findConflicting({ present, address, addresses })) {
    changeOwing(
      defer,
      () => addIfMissing(host, link, other),
      () => deleteAddress(host.netlink, link, other),
    );
  }
  if (address.address.family === 6) ensureLinkLocal(host, link, found);
  const reversal = () => listOthers().length === 0 && deleteIfThere(host, link, address);
  if (!changeOwing(defer, reversal, () => addIfMissing(host, link, address))) return false;
  setLink(host.netlink, link, { mac: link.mac });
  return true;
}

/** The addresses that a link has, one that it is to get, and all that it is to have. */
interface Addressing {
  readonly present: readonly Prefix[];
  readonly address: Prefix;
  readonly addresses: readonly Prefix[];
}

/** @throws CniError bridgeConflict if the link has an address that the new one cannot stand beside */
export function refuseConflict({ link, listOthers }: Gateway<LinkId>, addressing: Addressing): void {
  const others = findConflicting(addressing);
  if (others.length === 0) return;
  const message = `"${link.name}" already has an IP address different from ${formatPrefix(addressing.address)}`;
  const details = `found ${others.map(formatPrefix).join(", ")}${adviseOn(listOthers())}`;
  throw new CniError("bridgeConflict", message, { details });
}

/** What to do about another gateway address: containers that use it lose their gateway when it is replaced. */
function adviseOn(ports: readonly Link[]): string {
  if (ports.length === 0) return "; set forceAddress to replace it";
  const networks = new Set(ports.flatMap(({ alias }) => parseOwnerComment(alias)?.network ?? []));
  const whose = networks.size === 0 ? "" : ` of network ${[...networks].map((name) => `"${name}"`).join(", ")}`;
  const count = ports.length === 1 ? "1 port" : `${ports.length} ports`;
  return ` and ${count}${whose}: give each network a bridge of its own; forceAddress would cut them off`;
}

function findConflicting({ present, address, addresses }: Addressing): readonly Prefix[] {
  const isWanted = (prefix: Prefix) => addresses.some((each) => isSamePrefix(each, prefix));
  return present.filter((prefix) => !isWanted(prefix) && isInTheWay(prefix, address));
}

/**
 * The kernel asks for a container's MAC from the gateway's link-local address. It does not ask while that address is tentative, which
 * lasts two seconds after the first port joins: until then no packet from elsewhere would reach the container. So this adds the address
 * again, without duplicate address detection.
 */
function ensureLinkLocal(host: Host, link: Link, found: readonly LinkAddress[]): void {
  if (found.some(({ prefix, tentative }) => isLinkLocal(prefix.address) && !tentative)) return;
  const own = { address: linkLocalAddress(link.mac), length: 64 };
  for (let attempt = 0; attempt < LINK_LOCAL_ATTEMPTS && !addIfMissing(host, link, own); attempt++) {
    deleteIfThere(host, link, own);
  }
}

function deleteIfThere(host: Host, link: Link, address: Prefix): void {
  ignoring([ERRNO.EADDRNOTAVAIL], () => deleteAddress(host.netlink, link, address));
}

/** Returns whether this call added the address. Another call may have added it at the same moment. */
function addIfMissing(host: Host, link: Link, address: Prefix): boolean {
  // Duplicate address detection would keep an IPv6 gateway from answering for its first second.
  const withoutDad = address.address.family === 6;
  const add = () =>
    addAddress(host.netlink, link, { prefix: address, broadcast: broadcastAddress(address), withoutDad });
  const addEnabled = () =>
    handling(refusals(ERRNO.EACCES), add, () => {
      // The host may have disabled IPv6 on new links (disable_ipv6). The gateway needs it.
      host.sysctls.write(`net/ipv6/conf/${link.name}/disable_ipv6`, "0");
      add();
    });
  return succeeds(refusals(ERRNO.EEXIST), addEnabled);
}

function isInTheWay(present: Prefix, wanted: Prefix): boolean {
  if (wanted.address.family === 4) return true;
  return prefixContains(present, wanted.address) || prefixContains(wanted, present.address);
}
