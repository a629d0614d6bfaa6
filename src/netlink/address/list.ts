import type { Family } from "../../ip/address.ts";
import { encodeFamily } from "../family.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Netlink } from "../socket.ts";
import type { LinkAddress } from "./message.ts";
import { encodeLinkAddress, readLinkAddress } from "./message.ts";

/** The addresses of a link, of one family or both, like `ip address show dev NAME`. @throws NetlinkError ENODEV */
export function listAddresses(netlink: Netlink, link: LinkId, family?: Family): readonly LinkAddress[] {
  const header = { family: family === undefined ? 0 : encodeFamily(family), index: link.index };
  const payload = encodeLinkAddress({ header, attributes: {} });
  const action = `list the addresses of link "${link.name}"`;
  const messages = netlink.request({ type: RTM.GETADDR, flags: NLM_F.DUMP, payload, action });
  return messages.map((message) => readLinkAddress(message.payload)).filter((address) => address.index === link.index);
}
