import type { Address } from "../../ip/address.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { formatPrefix } from "../../ip/prefix.ts";
import { encodeFamily } from "../family.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { encodeLinkAddress } from "./message.ts";

/** An address that the kernel deletes after a time. */
export interface TimedAddress {
  readonly prefix: Prefix;
  readonly broadcast: Address | undefined;
  /** Infinity for an address that stays. */
  readonly seconds: number;
}

/** The number that means for ever. INFINITY_LIFE_TIME in include/net/addrconf.h */
const FOR_EVER = 0xffffffff;

/**
 * Adds an address to a link, or changes the time of one that it has, like `ip address replace PREFIX dev NAME valid_lft SECONDS
 * preferred_lft SECONDS`. @throws NetlinkError ENODEV
 */
export function replaceAddress(netlink: Rtnetlink, link: LinkId, { prefix, broadcast, seconds }: TimedAddress): void {
  const { address, length } = prefix;
  const time = seconds === Infinity ? FOR_EVER : Math.max(Math.round(seconds), 1);
  const lifetime = { preferred: time, valid: time, created: 0, updated: 0 };
  const payload = encodeLinkAddress({
    header: { family: encodeFamily(address.family), prefixLength: length, index: link.index },
    attributes: { local: address, address, broadcast, lifetime },
  });
  const action = `replace address ${formatPrefix(prefix)} on link "${link.name}"`;
  netlink.request({ type: RTM.NEWADDR, flags: NLM_F.CREATE | NLM_F.REPLACE | NLM_F.ACK, payload, action });
}
