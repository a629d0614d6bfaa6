import type { Request } from "../../src/cni/request.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { findContainer, findInterface } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { isOthersInterface } from "../../src/steps/others-interface.ts";
import { undoOnError } from "../../src/steps/undo.ts";
import { findVrfName } from "./config.ts";
import { leaveVrf } from "./membership.ts";
import { deleteIfEmpty, findVrf, isOwnVrf, type Vrf } from "./vrf-link.ts";

/**
 * Takes the interface out of the VRF, gives its addresses and routes back, and deletes the VRF with its last member. Works without the
 * namespace, without prevResult, without the VRF or the interface, with a configuration that has become invalid, and twice. An interface
 * of another container, to which the path may lead by now, stays, and so does one in another VRF.
 */
export function del(request: Request, host: Host): void {
  const container = findContainer(host, request.netns);
  if (container === undefined) return;
  const { netlink } = container;
  const link = findInterface(container, request.ifname);
  if (link !== undefined && isOthersInterface(host, link, request)) return;
  host.withTables(container, () => {
    const vrf = findMeant(netlink, request, link);
    if (vrf === undefined) return;
    const isMember = link?.master === vrf.link.index;
    // A call that fails half-way leaves the interface in the VRF, with its routes, for the next call.
    const { log } = request;
    if (link !== undefined && isMember) undoOnError(log, (defer) => leaveVrf({ netlink, link, vrf, log }, defer));
    deleteIfEmpty(netlink, vrf, { isLeft: isMember });
  });
}

/** The VRF of the configuration. If that names none, the one that the interface is in, if this plugin created it. */
function findMeant(netlink: Rtnetlink, request: Request, link: Link | undefined): Vrf | undefined {
  const name = findVrfName(request);
  if (name !== undefined) return findVrf(netlink, name);
  const vrf = link?.master === undefined ? undefined : findVrf(netlink, link.master);
  return vrf !== undefined && isOwnVrf(vrf) ? vrf : undefined;
}
