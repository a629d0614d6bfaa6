import { findLink } from "../../src/netlink/link/get.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { RT_TABLE } from "../../src/netlink/route/header.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { changeOwing, type Defer } from "../../src/steps/undo.ts";
import { belongingsOf, type Giving, giveBack, inOtherTable } from "./belongings.ts";
import type { Vrf } from "./vrf-link.ts";

/** Where an interface routes: in a VRF, or in none. */
interface RoutingDomain {
  /** The index of the VRF, 0 for none. */
  readonly master: number;
  /** RT_TABLE. */
  readonly table: number;
}

/** Outside of all VRFs. */
const NO_VRF: RoutingDomain = { master: 0, table: RT_TABLE.MAIN };

/** An interface that joins or leaves a VRF. */
interface Membership {
  readonly netlink: Rtnetlink;
  readonly link: LinkId;
  readonly vrf: Vrf;
  readonly log: (line: string) => void;
}

/**
 * Takes an interface into a VRF, like `ip link set dev NAME master VRF`, with its IPv6 addresses and routes: those of main are in the
 * VRF's table then. @throws NetlinkError, CniError tryAgainLater
 */
export function joinVrf(membership: Membership, defer: Defer): void {
  const to = placeOf(membership.vrf);
  move(membership, { from: NO_VRF, to, isNeeded: ({ known }) => known.table === to.table }, defer);
}

/**
 * Takes an interface out of a VRF, like `ip link set dev NAME nomaster`, and gives main its routes back, but for those that no longer
 * fit. @throws NetlinkError
 */
export function leaveVrf(membership: Membership, defer: Defer): void {
  move(membership, { from: placeOf(membership.vrf), to: NO_VRF, isNeeded: () => false }, defer);
}

function placeOf({ link, table }: Vrf): RoutingDomain {
  return { master: link.index, table };
}

interface Move extends Pick<Giving, "isNeeded"> {
  readonly from: RoutingDomain;
  readonly to: RoutingDomain;
}

/** The kernel takes addresses and routes away at once, so all is read before, and given back afterwards. */
function move({ netlink, link, log }: Membership, { from, to, isNeeded }: Move, defer: Defer): void {
  const before = belongingsOf(netlink, link);
  const restore = () => {
    const now = findLink(netlink, link.index);
    if (now === undefined) return;
    if ((now.master ?? NO_VRF.master) !== from.master) setLink(netlink, link, { master: from.master });
    giveBack(netlink, link, before, { table: from.table, isNeeded: () => true, log });
  };
  changeOwing(defer, restore, () => setLink(netlink, link, { master: to.master }));
  const after = inOtherTable(before, from.table, to.table);
  giveBack(netlink, link, after, { table: to.table, isNeeded, log });
}
