import type { Address } from "../../ip/address.ts";
import { formatAddress } from "../../ip/address.ts";
import { encodeFamily } from "../family.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Netlink } from "../socket.ts";
import { encodeNeighbour } from "./message.ts";

/** Deletes a neighbour, like `ip neighbour delete ADDRESS dev NAME`. @throws NetlinkError ENOENT when the link does not know the address */
export function deleteNeighbour(netlink: Netlink, link: LinkId, address: Address): void {
  const header = { family: encodeFamily(address.family), index: link.index };
  const payload = encodeNeighbour({ header, attributes: { address } });
  const action = `delete neighbour ${formatAddress(address)} on link "${link.name}"`;
  netlink.request({ type: RTM.DELNEIGH, flags: NLM_F.ACK, payload, action });
}
