import type { Mac } from "../../src/ip/mac.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { changeVrf } from "./address-routes.ts";
import { type FakeLink, portsOf } from "./link.ts";
import type { Machine } from "./machine.ts";
import { tellOfLink } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { Refusal } from "./refusal.ts";

/** MAC of a bridge that nobody gave one and that has no ports any more. */
const NO_MAC = "00:00:00:00:00:00";

/** The MTU of a bridge without ports. */
const ETH_DATA_LEN = 1500;

/** Makes a link a port of a bridge or a member of a VRF, or with 0 of none. */
export function setMaster(machine: Machine, namespace: FakeNamespace, link: FakeLink, master: number): void {
  const bridge = master === 0 ? undefined : namespace.links.get(master);
  // A link leaves its master before it is known whether another one takes it.
  leave(namespace, link);
  if (master === 0) return;
  if (bridge === undefined) throw new Refusal(ERRNO.EINVAL);
  if (bridge.kind === "vrf") {
    if (link.kind === "vrf") throw new Refusal(ERRNO.EINVAL, "Can not enslave an L3 master device to a VRF");
    if (link.name === "lo") throw new Refusal(ERRNO.EOPNOTSUPP);
    changeVrf(namespace, link, () => {
      link.master = master;
    });
    return;
  }
  if (bridge.kind !== "bridge") throw new Refusal(ERRNO.EOPNOTSUPP);
  if (link.kind === "bridge") throw new Refusal(ERRNO.ELOOP, "Can not enslave a bridge to a bridge");
  if (link.name === "lo") throw new Refusal(ERRNO.EINVAL);
  link.master = master;
  link.port = { hairpin: 0, isolated: 0, groups: 0 };
  const byDefault = bridge.bridge?.defaultVlan ?? 0;
  link.vlans = machine.features.vlanFiltering && byDefault > 0 ? [{ id: byDefault, pvid: true, untagged: true }] : [];
  followPorts(namespace, bridge);
}

/** What a bridge takes over from its ports: the lowest MAC, unless it was given one, and the smallest MTU, unless it was set. */
export function followPorts(namespace: FakeNamespace, bridge: FakeLink): void {
  const ports = portsOf(namespace, bridge);
  if (!bridge.isMacGiven) bridge.mac = lowest(ports.map(({ mac }) => mac));
  if (!bridge.isMtuGiven)
    bridge.mtu = Math.min(...ports.map(({ mtu }) => mtu), ports.length === 0 ? ETH_DATA_LEN : Number.POSITIVE_INFINITY);
  tellOfLink(namespace, bridge.index);
}

function leave(namespace: FakeNamespace, link: FakeLink): void {
  const before = link.master === undefined ? undefined : namespace.links.get(link.master);
  const change = () => {
    link.master = undefined;
  };
  if (before?.kind === "vrf") {
    changeVrf(namespace, link, change);
    return;
  }
  change();
  link.port = undefined;
  link.vlans = [];
  if (before !== undefined) followPorts(namespace, before);
}

function lowest(macs: readonly Mac[]): Mac {
  return [...macs].sort()[0] ?? NO_MAC;
}
