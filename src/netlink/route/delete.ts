import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Netlink } from "../socket.ts";
import type { NewRoute } from "./add.ts";
import { describeRoute, nameRoute } from "./add.ts";
import { RT_SCOPE } from "./header.ts";
import { encodeRoute } from "./message.ts";

/** Deletes a route through a link, like `ip route delete PREFIX via GATEWAY dev NAME`. @throws NetlinkError ESRCH when it is not there */
export function deleteRoute(netlink: Netlink, link: LinkId, route: NewRoute): void {
  const payload = encodeRoute(describeRoute(link, { ...route, scope: route.scope ?? RT_SCOPE.NOWHERE }));
  netlink.request({ type: RTM.DELROUTE, flags: NLM_F.ACK, payload, action: `delete ${nameRoute(link, route)}` });
}
