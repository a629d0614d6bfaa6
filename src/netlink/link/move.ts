import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { encodeLink, type LinkId } from "./message.ts";

/** Where a link goes: a descriptor of the namespace, and what the link is named there. */
export interface Destination {
  readonly netns: number;
  readonly name: string;
  readonly alias?: string | undefined;
}

/**
 * Moves a link to another network namespace, like `ip link set dev NAME netns NETNS name NAME alias ALIAS`. It is down there, without
 * addresses, routes and master. The kernel moves it first and renames it then: if it refuses the name, the link may be there under its
 * former name. Without a new name, a refusal changes nothing. @throws NetlinkError EEXIST if the name is taken, EINVAL for a link that
 * cannot leave its namespace
 */
export function moveLinkTo(netlink: Rtnetlink, link: LinkId, { netns, name, alias }: Destination): void {
  const attributes = { netnsFd: netns, ...(name !== link.name && { name }), alias };
  const payload = encodeLink({ header: { index: link.index }, attributes });
  const action = `move link "${link.name}" to another network namespace as "${name}"`;
  netlink.request({ type: RTM.SETLINK, flags: NLM_F.ACK, payload, action });
}
