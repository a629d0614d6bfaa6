import type { Request } from "../../src/cni/request.ts";
import type { IpConfig, Result } from "../../src/cni/result.ts";
import { selectOwner } from "../../src/netfilter/owner.ts";
import { findLink, getLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { setLink, setLinkUp, setPort } from "../../src/netlink/link/set.ts";
import type { Host } from "../../src/steps/host.ts";
import { isOwned } from "../../src/steps/owned-links.ts";
import { KEPT, refuseRebuilding } from "../../src/steps/rebuild.ts";
import { findReported } from "../../src/steps/reported.ts";
import { undoOnError } from "../../src/steps/undo.ts";
import { waitForPort } from "../../src/steps/veth.ts";
import { ensureBridge } from "./bridge-link.ts";
import type { BridgeConfig } from "./config.ts";
import { chooseMtu } from "./mtu.ts";
import { admitIps, guardPort, openSpoofGuard } from "./spoof/guard.ts";
import { joinVlans, needForVlans, planVlans } from "./vlan.ts";

/** An attachment that lives, with the result of its ADD, and both ends of its veth. */
export interface Separated {
  readonly request: Request;
  readonly config: BridgeConfig;
  readonly result: Result;
  readonly veth: { readonly port: Link; readonly inside: Link };
  /** The addresses of the container. */
  readonly ips: readonly IpConfig[];
}

/** An attachment that lives, with its bridge. */
export type Attached = Omit<Separated, "result"> & { readonly bridge: Link };

/** A bridge with the attachment's port on it, and what of that had to be made. */
export interface Rejoined {
  readonly bridge: Link;
  readonly port: Link;
  readonly made: readonly ("bridge" | "port")[];
}

/**
 * Ensures that the bridge exists and has the attachment's port. A bridge that was deleted is created with the MAC and the MTU of the
 * result, so that containers still reach their gateway. A port that is on another bridge by now stays there.
 * @throws CniError checkFailed, or as ensureBridge
 */
export function rejoin(host: Host, attached: Separated): Rejoined {
  const { port } = attached.veth;
  return host.withBridges("used", () => {
    const found = findLink(host.netlink, attached.config.bridge);
    if (found !== undefined && found.kind !== "bridge") refuseRebuilding(`"${found.name}" is not a bridge`);
    const isJoined = found !== undefined && port.master === found.index;
    if (isJoined) return { bridge: found, port, made: [] };
    refuseForeignPort(attached, found);
    const bridge = found ?? createAgain(host, attached);
    const joined = undoOnError(attached.request.log, (defer) => {
      // The next call finds it missing again, and does all of it.
      defer(() => setLink(host.netlink, port, { master: 0 }));
      return join(host, attached, bridge);
    });
    return { bridge: joined.bridge, port: joined.port, made: found === undefined ? ["bridge", "port"] : ["port"] };
  });
}

function refuseForeignPort({ request, veth: { port } }: Separated, bridge: Link | undefined): void {
  if (port.master !== undefined && port.master !== bridge?.index)
    refuseRebuilding(`its port "${port.name}" is on another bridge`);
  if (!isOwned(selectOwner(request), port)) refuseRebuilding(`the alias of port "${port.name}" does not name it`);
}

function createAgain(host: Host, { request, config, result }: Separated): Link {
  const { mac, mtu = chooseMtu(host, config.mtu, request.log) } = findReported(result, config.bridge) ?? {};
  const { bridge: name, promiscMode: promiscuous } = config;
  return ensureBridge(host, { name, promiscuous, vlanNeed: needForVlans(config), mtu, mac }, KEPT);
}

/** Joins as ADD does: the port comes up when it is in its VLANs, and its frames are checked. */
function join(host: Host, { request, config, veth, ips }: Separated, bridge: Link): Pick<Rejoined, "bridge" | "port"> {
  const { netlink } = host;
  const { port, inside } = veth;
  if (port.up) setLink(netlink, port, { up: false });
  if (port.master !== bridge.index) setLink(netlink, port, { master: bridge.index });
  joinVlans(netlink, bridge, port, planVlans(config));
  if (config.portIsolation) setPort(netlink, port, { isolated: true });
  if (config.hairpinMode) setPort(netlink, port, { hairpin: true });
  if (!renewSpoofChecks(host, { request, config, bridge, veth, ips })) setLinkUp(netlink, port);
  const now = inside.up ? waitForPort(host, port) : getLink(netlink, port.index);
  return { bridge: getLink(netlink, bridge.index), port: now };
}

/** Sets up the spoof checks anew, and brings the port up. Returns false, and does neither, if none are configured. */
export function renewSpoofChecks(host: Host, { request, config, bridge, veth, ips }: Attached): boolean {
  const guard = openSpoofGuard(host, { request, config }, KEPT);
  if (guard === undefined) return false;
  guardPort(host, guard, { request, bridge, veth });
  admitIps(guard, { request, bridge, veth }, ips);
  return true;
}
