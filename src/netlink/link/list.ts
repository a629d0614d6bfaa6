import { holdsAny } from "../bytes.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { RTEXT_FILTER } from "./attributes.ts";
import type { Link, LinkId } from "./message.ts";
import { encodeLink, readLink } from "./message.ts";

/** The ports of a bridge, or the links of a VRF, like `ip link show master NAME`. The kernel sends only these links. @throws NetlinkError */
export function listPorts(netlink: Rtnetlink, master: LinkId): readonly Link[] {
  const attributes = { master: master.index, extensions: RTEXT_FILTER.SKIP_STATS };
  const payload = encodeLink({ header: {}, attributes });
  const action = `list the ports of "${master.name}"`;
  const messages = netlink.request({ type: RTM.GETLINK, flags: NLM_F.DUMP, payload, action });
  return messages.map((message) => readLink(message.payload)).filter((link) => link.master === master.index);
}

/** All links of a namespace with few links, like `ip link show`. The kernel interrupts a dump when links change. @throws NetlinkError */
export function listLinks(netlink: Rtnetlink): readonly Link[] {
  const payload = encodeLink({ header: {}, attributes: { extensions: RTEXT_FILTER.SKIP_STATS } });
  const messages = netlink.request({ type: RTM.GETLINK, flags: NLM_F.DUMP, payload, action: "list the links" });
  return messages.map((message) => readLink(message.payload));
}

/**
 * The links of a kind, like `ip link show type KIND`. The kernel sends only these links. With `parts`, only links whose bytes (for
 * example the alias) contain one of them; others are not decoded, which is most of the cost. @throws NetlinkError
 */
export function listKind(
  netlink: Rtnetlink,
  kind: string,
  parts: readonly (string | Uint8Array)[] = [],
): readonly Link[] {
  const attributes = { info: { kind }, extensions: RTEXT_FILTER.SKIP_STATS };
  const payload = encodeLink({ header: {}, attributes });
  const action = `list the links of kind "${kind}"`;
  return netlink
    .request({ type: RTM.GETLINK, flags: NLM_F.DUMP, payload, action })
    .filter((message) => holdsAny(message.payload, parts))
    .map((message) => readLink(message.payload))
    .filter((link) => link.kind === kind);
}
