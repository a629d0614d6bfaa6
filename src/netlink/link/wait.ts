import { RTNLGRP } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { waitForEvent } from "../wait.ts";
import { getLink } from "./get.ts";
import type { Link, LinkId } from "./message.ts";

/**
 * Waits until a link is as wanted, for at most `timeout` milliseconds, and returns it; undefined when it is not in time.
 * @throws NetlinkError ENODEV when the link goes away
 */
export function waitForLink(
  netlink: Rtnetlink,
  link: LinkId,
  options: { timeout: number; until: (link: Link) => boolean },
): Link | undefined {
  return waitForEvent(netlink, { group: RTNLGRP.LINK, index: link.index, timeout: options.timeout }, () => {
    const now = getLink(netlink, link.index);
    return options.until(now) ? now : undefined;
  });
}
