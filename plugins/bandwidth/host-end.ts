import { CniError, type ErrorName } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { isSelected, selectOwner } from "../../src/netfilter/owner.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { findContainer, findInterface, openContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { isOthersPort, listOwnPorts } from "../../src/steps/own-ports.ts";

/**
 * The host's end of the veth whose other end is the container's interface, by its index: it must be among the result's interfaces.
 * @throws CniError of that name where there is none
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
  const port = otherEnd(host, inside);
  if (port === undefined) throw new CniError(failure, `veth peer with index ${inside.peer} is not in host ns`);
  if (result.interfaces.some(({ name, sandbox }) => name === port.name && sandbox === undefined)) return port;
  const details = `found ${port.name}, which is not among prevResult's interfaces`;
  throw new CniError(failure, "no veth peer of container interface found in host ns", { details });
}

/**
 * The same for DEL, by the alias of the host's end, which says whose it is: the path may lead to another container by now, and a container
 * may have put a veth of its own in the interface's place, with the numbers of another's. One that says nothing, as the Go plugins make it, is
 * the container's where prevResult does not say otherwise. None where it is gone.
 */
export function findHostEnds(host: Host, request: Request): readonly Link[] {
  const selection = selectOwner(request);
  const container = findContainer(host, request.netns);
  const inside = container && findInterface(container, request.ifname);
  const port = inside && otherEnd(host, inside);
  if (port !== undefined && isSelected(selection, port.alias)) return [port];
  const own = listOwnPorts(host, selection);
  return port === undefined || own.length > 0 || isOthersPort(request, port) ? own : [port];
}

/** Of another namespace's link the index may be that of any link here: only a veth that points back is the other end. */
function otherEnd(host: Host, inside: Link): Link | undefined {
  const port = inside.peer === undefined ? undefined : findLink(host.netlink, inside.peer);
  return port?.peer === inside.index ? port : undefined;
}
