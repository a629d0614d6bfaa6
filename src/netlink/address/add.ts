import type { Address } from "../../ip/address.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { formatPrefix } from "../../ip/prefix.ts";
import { encodeFamily } from "../family.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { IFA_F } from "./attributes.ts";
import { encodeLinkAddress } from "./message.ts";

/** An address to add, with its prefix length. */
export interface NewAddress {
  readonly prefix: Prefix;
  /** IPv4 only. The kernel does not choose one by itself. */
  readonly broadcast?: Address | undefined;
  /** RT_SCOPE. Default: global. */
  readonly scope?: number | undefined;
  /** IPv6: usable at once, without duplicate address detection. */
  readonly withoutDad?: boolean | undefined;
  /** Adds no route to the address's network. */
  readonly withoutRoute?: boolean | undefined;
}

/** Adds an address to a link, like `ip address add PREFIX dev NAME`. @throws NetlinkError EEXIST if the link has it, ENODEV */
export function addAddress(netlink: Rtnetlink, link: LinkId, { prefix, broadcast, ...options }: NewAddress): void {
  const { address, length } = prefix;
  const bits = (options.withoutDad ? IFA_F.NODAD : 0) | (options.withoutRoute ? IFA_F.NOPREFIXROUTE : 0);
  const payload = encodeLinkAddress({
    header: {
      family: encodeFamily(address.family),
      prefixLength: length,
      scope: options.scope ?? 0,
      index: link.index,
    },
    attributes: { local: address, address, broadcast, flags: bits === 0 ? undefined : bits },
  });
  const action = `add address ${formatPrefix(prefix)} to link "${link.name}"`;
  netlink.request({ type: RTM.NEWADDR, flags: NLM_F.CREATE | NLM_F.EXCL | NLM_F.ACK, payload, action });
}
