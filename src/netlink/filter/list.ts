import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { HANDLE } from "../qdisc/header.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { encodeFilter, type Filter, readFilter } from "./message.ts";

/** The ingress filters of a link, like `tc filter show dev NAME parent ffff:`. None without an ingress qdisc. @throws NetlinkError */
export function listIngressFilters(netlink: Rtnetlink, link: LinkId): readonly Filter[] {
  const payload = encodeFilter({ header: { index: link.index, parent: HANDLE.INGRESS }, attributes: {} });
  const action = `list the filters of link "${link.name}"`;
  const messages = netlink.request({ type: RTM.GETTFILTER, flags: NLM_F.DUMP, payload, action });
  return messages.map((message) => readFilter(message.payload));
}
