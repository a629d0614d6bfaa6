import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Netlink } from "../socket.ts";
import { RTEXT_FILTER } from "./attributes.ts";
import type { Link, LinkId } from "./message.ts";
import { encodeLink, readLink } from "./message.ts";

/** The ports of a bridge, like `ip link show master NAME`; the kernel does the choosing. @throws NetlinkError */
export function listPorts(netlink: Netlink, bridge: LinkId): readonly Link[] {
  const payload = encodeLink({ header: {}, attributes: { master: bridge.index, extensions: RTEXT_FILTER.SKIP_STATS } });
  const action = `list the ports of bridge "${bridge.name}"`;
  return netlink.request({ type: RTM.GETLINK, flags: NLM_F.DUMP, payload, action }).map((m) => readLink(m.payload));
}
