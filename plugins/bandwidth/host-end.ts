import { CniError, type ErrorName } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { isSelected, selectOwner } from "../../src/netfilter/owner.ts";
import { findOtherEnd } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { findContainer, findInterface, openContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { isOthersPort, listOwnPorts } from "../../src/steps/own-ports.ts";
import { findReported } from "../../src/steps/reported.ts";

/**
 * The host's end of the container's veth, found by its index. It must be among the result's interfaces.
 * @throws CniError with the name `failure` if there is none
 */
export function getHostEnd(
  host: Host,
  { request, result, failure }: { request: Request; result: Result; failure: ErrorName },
): Link {
  const { ifname } = request;
  if (result.interfaces.length === 0)
    throw new CniError(failure, "no interfaces provided", { details: "in prevResult" });
  const inside = findInterface(openContainer(host, request.netns), ifname);
  const reason = inside === undefined ? "it is missing" : `it is a ${inside.kind || "device"}`;
  if (inside?.peer === undefined)
    throw new CniError(failure, `container interface ${ifname} has no veth peer: ${reason}`);
  const port = findOtherEnd(host.netlink, inside);
  if (port === undefined) throw new CniError(failure, `veth peer with index ${inside.peer} is not in host ns`);
  if (findReported(result, port.name) !== undefined) return port;
  const details = `found ${port.name}, which is not among prevResult's interfaces`;
  throw new CniError(failure, "no veth peer of container interface found in host ns", { details });
}

/**
 * The host's end for DEL, found by its alias, which names the attachment. The namespace path is not enough: it may lead to another
 * container by now, and a container may have replaced its interface with a veth of its own, with the indexes of another container's. A
 * host's end without an alias, as Go plugins create it, is used unless prevResult contradicts that. Empty if it is gone.
 */
export function findHostEnds(host: Host, request: Request): readonly Link[] {
  const selection = selectOwner(request);
  const container = findContainer(host, request.netns);
  const inside = container && findInterface(container, request.ifname);
  const port = inside && findOtherEnd(host.netlink, inside);
  if (port !== undefined && isSelected(selection, port.alias)) return [port];
  const own = listOwnPorts(host, selection);
  return port === undefined || own.length > 0 || isOthersPort(request, port) ? own : [port];
}
