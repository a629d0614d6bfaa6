import { ERRNO } from "../../platform/errno.ts";
import { succeeds } from "../../platform/outcome.ts";
import { refusals } from "../acknowledgement.ts";
import { encodeFields } from "../fields.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { BRIDGE_FIELDS, type LinkAttributes, RTEXT_FILTER } from "./attributes.ts";
import { IPVLAN_FIELDS } from "./child.ts";
import { decodeLink, encodeLink } from "./message.ts";

/** A VLAN that no bridge can have as default, because the ID is reserved. IEEE 802.1Q, 9.6 */
const RESERVED_VLAN = 4095;

/** A MAC that no link can have, because it is multicast. IEEE 802-2014, 8.2 */
const GROUP_MAC = "01:00:00:00:00:00";

/** Flags that no ipvlan can have: all bits but the two that exist mean nothing. */
const NO_FLAGS = 0xff;

/**
 * Whether the kernel can create links of a kind; it loads the module if it can. One small request that never creates a link: the kind
 * refuses its MAC before it checks anything else. NLM_F_CREATE is set because Linux before about 6.2 loads a module only for a request
 * with that flag. @throws NetlinkError if the kernel refuses to answer
 */
export function supportsKind(
  netlink: Rtnetlink,
  kind: "bridge" | "veth" | "ifb" | "macvlan" | "vlan" | "dummy" | "ipvlan" | "vrf",
): boolean {
  const action = `ask for the kind of link "${kind}"`;
  const flags = NLM_F.CREATE | NLM_F.EXCL;
  if (kind === "ipvlan") {
    // It looks at the flags instead of the MAC.
    const data = encodeFields(IPVLAN_FIELDS, { flags: NO_FLAGS });
    return probe(netlink, { info: { kind, data } }, { action, yes: ERRNO.EINVAL, flags });
  }
  return probe(netlink, { mac: GROUP_MAC, info: { kind } }, { action, yes: ERRNO.EADDRNOTAVAIL, flags });
}

/** The index of lo, which has no kind, in every network namespace. */
const LOOPBACK = 1;

/**
 * Whether the kernel has a kind of link at this moment, built in or in a module that is loaded. It loads no module. The kernel sends all
 * links instead of those of the kind if it does not know the kind, so lo is among them only then. @throws NetlinkError if the kernel
 * refuses to answer
 */
export function hasKind(netlink: Rtnetlink, kind: string): boolean {
  const payload = encodeLink({ header: {}, attributes: { info: { kind }, extensions: RTEXT_FILTER.SKIP_STATS } });
  const isLoopback = (link: Uint8Array) => decodeLink(link).header.index === LOOPBACK;
  const action = `ask whether links of kind "${kind}" are known`;
  return netlink.request({ type: RTM.GETLINK, flags: NLM_F.DUMP, payload, action, keep: isLoopback }).length === 0;
}

/**
 * Whether the kernel's bridges support VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING). The request names no link, so it never changes
 * one. A kernel with VLAN filtering refuses the VLAN; one without it ignores the VLAN. @throws NetlinkError if the kernel refuses to
 * answer
 */
export function supportsVlanFiltering(netlink: Rtnetlink): boolean {
  const data = encodeFields(BRIDGE_FIELDS, { defaultVlan: RESERVED_VLAN });
  const attributes = { info: { kind: "bridge", data } };
  return probe(netlink, attributes, { action: "ask for VLANs of bridges", yes: ERRNO.EINVAL, flags: 0 });
}

function probe(
  netlink: Rtnetlink,
  attributes: LinkAttributes,
  { action, yes, flags }: { action: string; yes: number; flags: number },
): boolean {
  const payload = encodeLink({ header: {}, attributes });
  const request = { type: RTM.NEWLINK, flags: NLM_F.ACK | flags, payload, action, expected: [yes] };
  return succeeds(refusals(ERRNO.ENODEV, ERRNO.EOPNOTSUPP), () => netlink.request(request));
}
