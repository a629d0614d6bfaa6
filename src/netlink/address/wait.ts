import type { LinkId } from "../link/message.ts";
import { RTNLGRP } from "../rtnetlink.ts";
import type { Netlink } from "../socket.ts";
import { waitForEvent } from "../wait.ts";
import { listAddresses } from "./list.ts";
import type { LinkAddress } from "./message.ts";

/**
 * Waits until duplicate address detection has come to an end for each IPv6 address of a link, for at most `timeout` milliseconds.
 * Returns the addresses as they are then: one is `duplicate` where another host has it, and `tentative` where the time was too short.
 * @throws NetlinkError ENODEV when the link goes away
 */
export function waitForDad(netlink: Netlink, link: LinkId, options: { timeout: number }): readonly LinkAddress[] {
  const settled = waitForEvent(
    netlink,
    { group: RTNLGRP.IPV6_IFADDR, index: link.index, timeout: options.timeout },
    () => {
      const addresses = listAddresses(netlink, link, 6);
      return addresses.some((address) => address.tentative && !address.duplicate) ? undefined : addresses;
    },
  );
  return settled ?? listAddresses(netlink, link, 6);
}
