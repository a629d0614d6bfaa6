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
  /** How long new connections use it, at most `seconds`, which is the default. After it they use it only if there is no other. */
  readonly preferredSeconds?: number;
}

/** The number that means for ever. INFINITY_LIFE_TIME in include/net/addrconf.h */
const FOR_EVER = 0xffffffff;

/**
 * Adds an address to a link, or changes the time of one that it has, like `ip address replace PREFIX dev NAME valid_lft SECONDS
 * preferred_lft SECONDS`. @throws NetlinkError ENODEV
 */
export function replaceAddress(netlink: Rtnetlink, link: LinkId, timed: TimedAddress): void {
  const { prefix, broadcast } = timed;
  const { address, length } = prefix;
  const valid = Math.max(encodeSeconds(timed.seconds), 1);
  const preferred =
    timed.preferredSeconds === undefined ? valid : Math.min(encodeSeconds(timed.preferredSeconds), valid);
  const lifetime = { preferred, valid, created: 0, updated: 0 };
  const payload = encodeLinkAddress({
    header: { family: encodeFamily(address.family), prefixLength: length, index: link.index },
    attributes: { local: address, address, broadcast, lifetime },
  });
  const action = `replace address ${formatPrefix(prefix)} on link "${link.name}"`;
  netlink.request({ type: RTM.NEWADDR, flags: NLM_F.CREATE | NLM_F.REPLACE | NLM_F.ACK, payload, action });
}

function encodeSeconds(seconds: number): number {
  return seconds === Infinity ? FOR_EVER : Math.round(seconds);
}
