import type { Address } from "../../ip/address.ts";
import { formatAddress } from "../../ip/address.ts";
import type { Mac } from "../../ip/mac.ts";
import { encodeFamily } from "../family.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Netlink } from "../socket.ts";
import { NUD } from "./header.ts";
import { encodeNeighbour } from "./message.ts";

/** A neighbour to make known. `state` is NUD; permanent unless given. */
export interface NewNeighbour {
  readonly address: Address;
  readonly mac: Mac;
  readonly state?: number | undefined;
}

/** Adds a neighbour, like `ip neighbour add ADDRESS lladdr MAC dev NAME`. @throws NetlinkError EEXIST when the link knows the address */
export function addNeighbour(netlink: Netlink, link: LinkId, neighbour: NewNeighbour): void {
  write(netlink, link, { neighbour, flags: NLM_F.CREATE | NLM_F.EXCL, verb: "add" });
}

/** Adds a neighbour or changes what is known about it, like `ip neighbour replace ADDRESS lladdr MAC dev NAME`. @throws NetlinkError */
export function replaceNeighbour(netlink: Netlink, link: LinkId, neighbour: NewNeighbour): void {
  write(netlink, link, { neighbour, flags: NLM_F.CREATE | NLM_F.REPLACE, verb: "replace" });
}

function write(
  netlink: Netlink,
  link: LinkId,
  { neighbour, flags, verb }: { neighbour: NewNeighbour; flags: number; verb: string },
): void {
  const { address, mac, state = NUD.PERMANENT } = neighbour;
  const header = { family: encodeFamily(address.family), index: link.index, state };
  const payload = encodeNeighbour({ header, attributes: { address, mac } });
  const action = `${verb} neighbour ${formatAddress(address)} on link "${link.name}"`;
  netlink.request({ type: RTM.NEWNEIGH, flags: flags | NLM_F.ACK, payload, action });
}
