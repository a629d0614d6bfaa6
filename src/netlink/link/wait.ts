import { RTNLGRP } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { waitForEvent } from "../wait.ts";
import { getLink } from "./get.ts";
import type { Link, LinkId } from "./message.ts";

/**
 * Waits at most `timeout` milliseconds until `until` accepts a link, and returns the link; undefined after the timeout.
 * @throws NetlinkError ENODEV if the link is deleted
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
