import { CniError } from "../cni/error.ts";
import { isSameAddress } from "../ip/address.ts";
import { broadcastAddress, formatPrefix, type Prefix, prefixContains } from "../ip/prefix.ts";
import { ERRNO } from "../linux/errno.ts";
import { NetlinkError } from "../netlink/acknowledgement.ts";
import { addAddress } from "../netlink/address/add.ts";
import { deleteAddress } from "../netlink/address/delete.ts";
import { listAddresses } from "../netlink/address/list.ts";
import { listPorts } from "../netlink/link/list.ts";
import type { Link, LinkId } from "../netlink/link/message.ts";
import { setLink } from "../netlink/link/set.ts";
import type { Netlink } from "../netlink/socket.ts";
import type { Defer } from "./undo.ts";

/**
 * Gives a bridge an address, like `ip address add PREFIX dev BRIDGE`, and pins its MAC where that is new. Another IPv4
 * address, or an IPv6 one of an overlapping prefix, is in the way: it is replaced with `force`, else refused.
 * When the call fails the address goes again, unless the bridge has come to have ports besides ours.
 * @throws CniError bridgeConflict
 */
export function ensureBridgeAddress(
  host: Netlink,
  { bridge, port, address, force }: { bridge: Link; port: LinkId; address: Prefix; force: boolean },
  defer: Defer,
): void {
  const present = listAddresses(host, bridge, address.address.family).map(({ prefix }) => prefix);
  if (present.some((prefix) => isSame(prefix, address))) return;
  for (const other of present.filter((prefix) => isInTheWay(prefix, address))) {
    if (!force) {
      const message = `"${bridge.name}" already has an IP address different from ${formatPrefix(address)}`;
      throw new CniError("bridgeConflict", message, {
        details: `found ${formatPrefix(other)}; set forceAddress to replace it`,
      });
    }
    deleteAddress(host, bridge, other);
    defer(() => addAddress(host, bridge, { prefix: other, broadcast: broadcastAddress(other) }));
  }
  if (!addIfMissing(host, bridge, address)) return;
  setLink(host, bridge, { mac: bridge.mac });
  defer(() => {
    const isOurs = listPorts(host, bridge).every(({ index }) => index === port.index);
    if (isOurs) deleteAddress(host, bridge, address);
  });
}

/** Whether this call added it: another one may have, at the same moment. */
function addIfMissing(host: Netlink, bridge: Link, address: Prefix): boolean {
  try {
    // Without detection of duplicates, which would keep an IPv6 gateway from answering for its first second.
    const withoutDad = address.address.family === 6;
    addAddress(host, bridge, { prefix: address, broadcast: broadcastAddress(address), withoutDad });
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

function isSame(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && isSameAddress(a.address, b.address);
}
