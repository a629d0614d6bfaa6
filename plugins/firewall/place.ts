import { CniError } from "../../src/cni/error.ts";
import type { Result } from "../../src/cni/result.ts";
import { type Mac, parseMac } from "../../src/ip/mac.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import type { Host } from "../../src/steps/host.ts";
import type { Subject } from "./subject.ts";

/** Where an isolated container is on its bridge. This identifies traffic of its neighbours by link, whatever addresses they use. */
export interface Place {
  /** The MAC to which containers send packets that the host should forward. */
  readonly gateway: Mac;
  /** The indexes of its ports. */
  readonly ports: readonly number[];
  /** The container's MACs, to which neighbours would send. Empty if prevResult does not report them. */
  readonly macs: readonly Mac[];
}

/**
 * Finds the port of an isolated container from prevResult. Undefined for any other policy, and if its link is gone.
 * @throws CniError invalidConfig if prevResult names no port of the bridge: the policy would cover only routed packets
 */
export function findPlace({ netlink }: Host, { isolation, owner }: Subject, { interfaces }: Result): Place | undefined {
  if (isolation?.policy !== "isolated") return undefined;
  const [bridge, ...others] = interfaces;
  const rest = others.filter(({ sandbox }) => (sandbox ?? "") === "").map(({ name }) => name);
  const own = interfaces.filter(({ name, sandbox }) => name === owner.ifname && (sandbox ?? "") !== "");
  const link = findLink(netlink, isolation.link);
  if (link === undefined) return undefined;
  const ports = portsOf(netlink, { name: bridge?.name ?? isolation.link, rest });
  return { gateway: link.mac, ports, macs: own.flatMap(({ mac = "" }) => parseMac(mac) ?? []) };
}

/** Which of these links are ports of the bridge. Empty if it is not a bridge: then there are no neighbours. */
function portsOf(netlink: Rtnetlink, { name, rest }: { name: string; rest: readonly string[] }): readonly number[] {
  const bridge = findLink(netlink, name);
  if (bridge === undefined || bridge.kind !== "bridge") return [];
  const ports = rest
    .map((each) => findLink(netlink, each))
    .filter((link): link is Link => link?.master === bridge.index)
    .map(({ index }) => index);
  if (ports.length > 0) return ports;
  const missing = `prevResult names no port of bridge "${name}"`;
  throw new CniError("invalidConfig", `Cannot use ingressPolicy "isolated": ${missing}: chain firewall behind bridge`);
}
