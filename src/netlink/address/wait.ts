import { isSamePrefix, type Prefix } from "../../ip/prefix.ts";
import type { LinkId } from "../link/message.ts";
import { RTNLGRP } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { waitForEvent } from "../wait.ts";
import { listAddresses } from "./list.ts";
import type { LinkAddress } from "./message.ts";

/**
 * Waits at most `timeout` milliseconds until duplicate address detection has ended for a link's IPv6 addresses (all, or those of
 * `prefixes`). Returns the addresses in that state: `duplicate` if another host has the address, `tentative` if the time was too
 * short. @throws NetlinkError ENODEV if the link is deleted
 */
export function waitForDad(
  netlink: Rtnetlink,
  link: LinkId,
  options: { timeout: number; prefixes?: readonly Prefix[] },
): readonly LinkAddress[] {
  const { prefixes } = options;
  const isMeant = ({ prefix }: LinkAddress) => prefixes?.some((each) => isSamePrefix(each, prefix)) ?? true;
  const list = () => listAddresses(netlink, link, 6).filter(isMeant);
  const settled = waitForEvent(
    netlink,
    { group: RTNLGRP.IPV6_IFADDR, index: link.index, timeout: options.timeout },
    () => {
      const addresses = list();
      return addresses.some((address) => address.tentative && !address.duplicate) ? undefined : addresses;
    },
  );
  return settled ?? list();
}
