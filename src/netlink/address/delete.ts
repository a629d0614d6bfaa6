import type { Prefix } from "../../ip/prefix.ts";
import { formatPrefix } from "../../ip/prefix.ts";
import { encodeFamily } from "../family.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { encodeLinkAddress } from "./message.ts";

/**
 * Deletes an address from a link, like `ip address delete PREFIX dev NAME`. @throws NetlinkError EADDRNOTAVAIL if the link lacks it,
 * ENODEV
 */
export function deleteAddress(netlink: Rtnetlink, link: LinkId, prefix: Prefix): void {
  const { address, length } = prefix;
  const payload = encodeLinkAddress({
    header: { family: encodeFamily(address.family), prefixLength: length, index: link.index },
    attributes: { local: address, address },
  });
  const action = `delete address ${formatPrefix(prefix)} from link "${link.name}"`;
  netlink.request({ type: RTM.DELADDR, flags: NLM_F.ACK, payload, action });
}
