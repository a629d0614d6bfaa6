import type { Request } from "../../src/cni/request.ts";
import { ownerComment } from "../../src/netfilter/owner.ts";
import { refusals } from "../../src/netlink/acknowledgement.ts";
import { getLinkBrief, type LinkBrief } from "../../src/netlink/link/brief.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { translating } from "../../src/platform/outcome.ts";
import { refuseTaken } from "../../src/steps/child-link.ts";
import { fullBridge } from "../../src/steps/full-bridge.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { changeOwing, type Defer } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";
import { getBridge } from "./bridge.ts";
import type { TapConfig } from "./config.ts";
import { addLabelledTap } from "./labelled.ts";

/**
 * Makes the container's tap, down, with its MAC, its MTU, its bridge, and its owner as its alias. It is deleted if the call fails.
 * @throws CniError interfaceExists, bridgeConflict, LinuxError
 */
export function makeTap(
  call: { request: Request; host: Host; config: TapConfig; container: Container },
  defer: Defer,
): LinkBrief {
  const { request, config, container } = call;
  const { netlink } = container;
  const { ifname } = request;
  const bridge = config.bridge === undefined ? undefined : getBridge(container, config.bridge);
  changeOwing(
    defer,
    () => deleteLinkIfThere(netlink, ifname, { kind: "tun" }),
    () => add(call),
  );
  const link = getLinkBrief(netlink, ifname);
  const { mac } = config;
  const mtu = config.mtu === 0 ? undefined : config.mtu;
  setLink(netlink, link, { mac, mtu, alias: ownerComment(request) });
  if (bridge !== undefined) {
    const join = () => setLink(netlink, link, { master: bridge.index });
    translating(refusals(ERRNO.EXFULL), join, (cause) => fullBridge(bridge, cause));
  }
  return mac === undefined && mtu === undefined ? link : getLinkBrief(netlink, link);
}

function add({ request, host, config, container }: Parameters<typeof makeTap>[0]): void {
  const { multiQueue, owner, group, selinuxContext: context } = config;
  const tap = { name: request.ifname, multiQueue, owner, group };
  if (context !== undefined) {
    addLabelledTap(host, { request, container, tap, context });
    return;
  }
  try {
    container.addTap(tap);
  } catch (error) {
    // The name was free a moment ago.
    if (error instanceof LinuxError && error.errno === ERRNO.EBUSY) refuseTaken(container, request.ifname);
    throw error;
  }
}
