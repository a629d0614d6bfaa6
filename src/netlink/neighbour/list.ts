import type { Family } from "../../ip/address.ts";
import { encodeFamily } from "../family.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Netlink } from "../socket.ts";
import type { Neighbour } from "./message.ts";
import { encodeNeighbour, readNeighbour } from "./message.ts";

/** The neighbours of a family that a link knows, like `ip neighbour show dev NAME`. @throws NetlinkError */
export function listNeighbours(netlink: Netlink, link: LinkId, family: Family): readonly Neighbour[] {
  const header = { family: encodeFamily(family) };
  const payload = encodeNeighbour({ header, attributes: { index: link.index } });
  const action = `list the neighbours of link "${link.name}"`;
  const messages = netlink.request({ type: RTM.GETNEIGH, flags: NLM_F.DUMP, payload, action });
  return messages.map((message) => readNeighbour(message.payload)).filter((entry) => entry.index === link.index);
}
