import { CniError, type ErrorName } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Netlink } from "../../src/netlink/socket.ts";
import { type Container, findContainer, openContainer } from "../../src/steps/container.ts";

/**
 * The host's end of the veth whose other end is the container's interface, by its index: it must be among the result's interfaces.
 * @throws CniError of that name where there is none
 */
export function getHostEnd(
  host: Netlink,
  { request, result, failure }: { request: Request; result: Result; failure: ErrorName },
): Link {
  const { ifname } = request;
  if (result.interfaces.length === 0)
    throw new CniError(failure, "no interfaces provided", { details: "in prevResult" });
  const inside = findLink(openContainer(request.netns).netlink, ifname);
  const reason = inside === undefined ? "it is missing" : `it is a ${inside.kind || "device"}`;
  if (inside?.peer === undefined)
    throw new CniError(failure, `container interface ${ifname} has no veth peer: ${reason}`);
  const port = otherEnd(host, inside);
  if (port === undefined) throw new CniError(failure, `veth peer with index ${inside.peer} is not in host ns`);
  if (result.interfaces.some(({ name, sandbox }) => name === port.name && sandbox === undefined)) return port;
  const details = `found ${port.name}, which is not among prevResult's interfaces`;
  throw new CniError(failure, "no veth peer of container interface found in host ns", { details });
}

/** The same for DEL: undefined where the container, its interface or the host's end is gone. */
export function findHostEnd(host: Netlink, { netns, ifname }: Request): Link | undefined {
  const container: Container | undefined = findContainer(netns);
  const inside = container && findLink(container.netlink, ifname);
  return inside && otherEnd(host, inside);
}

/** Of another namespace's link the index may be that of any link here: only a veth that points back is the other end. */
function otherEnd(host: Netlink, inside: Link): Link | undefined {
  const port = inside.peer === undefined ? undefined : findLink(host, inside.peer);
  return port?.peer === inside.index ? port : undefined;
}
