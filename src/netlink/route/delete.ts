import { ERRNO } from "../../platform/errno.ts";
import { succeeds } from "../../platform/outcome.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { describeRoute, type NewRoute, nameRoute } from "./add.ts";
import { encodeRoute } from "./message.ts";

/** Deletes the route that addRoute() adds, like `ip route delete`. Returns false if it is not there. @throws NetlinkError */
export function deleteRoute(netlink: Rtnetlink, link: LinkId, route: NewRoute): boolean {
  const payload = encodeRoute(describeRoute(link, route));
  const request = { type: RTM.DELROUTE, flags: NLM_F.ACK, payload, action: `delete ${nameRoute(link, route)}` };
  return succeeds([ERRNO.ESRCH], () => netlink.request(request));
}
