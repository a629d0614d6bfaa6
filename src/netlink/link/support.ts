import { ERRNO } from "../../linux/errno.ts";
import { NetlinkError } from "../acknowledgement.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Netlink } from "../socket.ts";
import { encodeLink } from "./message.ts";

/** A MAC that no link may have, for it is a group's. IEEE 802-2014, 8.2 */
const GROUP_MAC = "01:00:00:00:00:00";

/**
 * Whether the kernel can make links of a kind; it loads the module where it can. One small request, which
 * never makes one: it asks to change no link in particular to a MAC that the kind refuses before anything else is looked at.
 * @throws NetlinkError when the kernel refuses to look
 */
export function supportsKind(netlink: Netlink, kind: "bridge" | "veth" | "ifb"): boolean {
  const payload = encodeLink({ header: {}, attributes: { mac: GROUP_MAC, info: { kind } } });
  const action = `ask for the kind of link "${kind}"`;
  try {
    netlink.request({ type: RTM.NEWLINK, flags: NLM_F.ACK, payload, action });
    return true;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    if (error.errno === ERRNO.EADDRNOTAVAIL) return true;
    if (error.errno === ERRNO.ENODEV || error.errno === ERRNO.EOPNOTSUPP) return false;
    throw error;
  }
}
