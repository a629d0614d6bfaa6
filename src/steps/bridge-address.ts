import { CniError } from "../cni/error.ts";
import { broadcastAddress, formatPrefix, isSamePrefix, type Prefix, prefixContains } from "../ip/prefix.ts";
import { ERRNO } from "../linux/errno.ts";
import { NetlinkError } from "../netlink/acknowledgement.ts";
import { addAddress } from "../netlink/address/add.ts";
import { deleteAddress } from "../netlink/address/delete.ts";
import { listAddresses } from "../netlink/address/list.ts";
import type { Link } from "../netlink/link/message.ts";
import { setLink } from "../netlink/link/set.ts";
import type { Netlink } from "../netlink/socket.ts";
import type { Defer } from "./undo.ts";

/** The host's own interface in a network: the bridge itself, or that in a VLAN of it. */
export interface Gateway {
  readonly link: Link;
  /** Whether nobody uses it but the container that the call is about. */
  readonly isUnused: () => boolean;
}

/**
 * Gives a gateway an address, like `ip address add PREFIX dev NAME`, and pins its MAC where that is new. Another IPv4
 * address, or an IPv6 one of an overlapping prefix, is in the way: it is replaced with `force`, else refused.
 * When the call fails the address goes again, unless somebody else has come to use the gateway.
 * @throws CniError bridgeConflict
 */
export function ensureGatewayAddress(
  host: Netlink,
  { link, isUnused }: Gateway,
  { address, force }: { address: Prefix; force: boolean },
  defer: Defer,
): void {
  const present = listAddresses(host, link, address.address.family).map(({ prefix }) => prefix);
  if (present.some((prefix) => isSamePrefix(prefix, address))) return;
  for (const other of present.filter((prefix) => isInTheWay(prefix, address))) {
    if (!force) {
      const message = `"${link.name}" already has an IP address different from ${formatPrefix(address)}`;
      throw new CniError("bridgeConflict", message, {
        details: `found ${formatPrefix(other)}; set forceAddress to replace it`,
      });
    }
    deleteAddress(host, link, other);
    defer(() => addAddress(host, link, { prefix: other, broadcast: broadcastAddress(other) }));
  }
  if (!addIfMissing(host, link, address)) return;
  defer(() => {
    if (isUnused()) deleteAddress(host, link, address);
  });
  setLink(host, link, { mac: link.mac });
}

/** Whether this call added it: another one may have, at the same moment. */
function addIfMissing(host: Netlink, link: Link, address: Prefix): boolean {
  try {
    // Without detection of duplicates, which would keep an IPv6 gateway from answering for its first second.
    const withoutDad = address.address.family === 6;
    addAddress(host, link, { prefix: address, broadcast: broadcastAddress(address), withoutDad });
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === ERRNO.EEXIST) return false;
    throw error;
  }
}

function isInTheWay(present: Prefix, wanted: Prefix): boolean {
  if (wanted.address.family === 4) return true;
  return prefixContains(present, wanted.address) || prefixContains(wanted, present.address);
}
