import { decoderOf } from "../../src/netlink/fields.ts";
import { BRIDGE_FIELDS } from "../../src/netlink/link/attributes.ts";
import { IFF } from "../../src/netlink/link/header.ts";
import type { LinkMessage } from "../../src/netlink/link/message.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { addLoopbackAddresses, addressesGoDown, routesGoDown, routesGoUp } from "./address-routes.ts";
import { type FakeLink, findByName, isUp } from "./link.ts";
import { moveToNamespace } from "./link-moves.ts";
import { validateMac, validateName } from "./link-validation.ts";
import { type Machine, tellOfLink } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { followPorts, setMaster } from "./ports.ts";
import { Refusal } from "./refusal.ts";

/** <linux/if_ether.h>, <linux/if.h> */
const MTU = { MIN: 68, MAX: 65_535 } as const;

/** Changes a link as RTM_SETLINK says, in the kernel's order: what comes before a refusal stays. @throws Refusal */
export function changeLink(machine: Machine, namespace: FakeNamespace, link: FakeLink, message: LinkMessage): void {
  const { attributes } = message;
  const { mac, mtu, group, name, master, transmitQueueLength, alias, netnsFd } = attributes;
  if (netnsFd !== undefined) {
    const target = machine.byDescriptor(netnsFd);
    const { netnsFd: _, ...rest } = attributes;
    const there = { header: message.header, attributes: rest };
    changeLink(machine, target, moveToNamespace(machine, { from: namespace, to: target }, { link, name }), there);
    return;
  }
  if (mac !== undefined) setMac(namespace, link, mac);
  if (mtu !== undefined) setMtu(namespace, link, mtu);
  if (group !== undefined) link.group = group;
  if (name !== undefined && name !== link.name) rename(namespace, link, name);
  if (alias !== undefined) link.alias = alias;
  if (master !== undefined && master !== (link.master ?? 0)) setMaster(machine, namespace, link, master);
  setFlags(namespace, link, message);
  if (transmitQueueLength !== undefined) link.transmitQueueLength = transmitQueueLength;
  tellOfLink(namespace, link.index);
}

/** Changes what a bridge has in IFLA_INFO_DATA. @throws Refusal EOPNOTSUPP where the kernel has no VLANs */
export function changeBridge({ features }: Machine, link: FakeLink, data: Uint8Array): void {
  const { bridge } = link;
  if (bridge === undefined) return;
  const { forwardDelay, spanningTree, vlanFiltering, defaultVlan, bits } = decoderOf(BRIDGE_FIELDS)(data);
  if (vlanFiltering !== undefined && !features.vlanFiltering) throw new Refusal(ERRNO.EOPNOTSUPP);
  if (forwardDelay !== undefined) bridge.forwardDelay = forwardDelay;
  if (spanningTree !== undefined) bridge.spanningTree = spanningTree;
  if (vlanFiltering !== undefined) bridge.vlanFiltering = vlanFiltering;
  if (defaultVlan !== undefined) bridge.defaultVlan = defaultVlan;
  if (bits !== undefined) bridge.bits = (bridge.bits & ~bits.mask) | (bits.values & bits.mask);
}

/** Sets the flags that `change` names; up and down have consequences. */
export function setFlags(namespace: FakeNamespace, link: FakeLink, { header }: LinkMessage): void {
  const known = Object.values(IFF).reduce((bits, bit) => bits | bit, 0);
  const { flags = 0, change = 0 } = header;
  const wasUp = isUp(link);
  link.flags = (link.flags & ~change) | (flags & change & known);
  if (wasUp && !isUp(link)) {
    addressesGoDown(namespace, link);
    routesGoDown(namespace, link);
  }
  if (wasUp || !isUp(link)) return;
  if (link.kind === "") addLoopbackAddresses(namespace, link);
  routesGoUp(namespace, link);
}

function setMac(namespace: FakeNamespace, link: FakeLink, mac: string): void {
  validateMac(mac);
  link.mac = mac;
  link.isMacGiven = true;
  tellMaster(namespace, link);
}

function setMtu(namespace: FakeNamespace, link: FakeLink, mtu: number): void {
  if (mtu < MTU.MIN) throw new Refusal(ERRNO.EINVAL, "mtu less than device minimum");
  if (mtu > MTU.MAX && link.kind !== "") throw new Refusal(ERRNO.EINVAL, "mtu greater than device maximum");
  link.mtu = mtu;
  link.isMtuGiven = true;
  tellMaster(namespace, link);
}

function tellMaster(namespace: FakeNamespace, link: FakeLink): void {
  const bridge = link.master === undefined ? undefined : namespace.links.get(link.master);
  if (bridge !== undefined) followPorts(namespace, bridge);
}

function rename(namespace: FakeNamespace, link: FakeLink, name: string): void {
  validateName(name);
  if (findByName(namespace, name) !== undefined) throw new Refusal(ERRNO.EEXIST);
  namespace.sysctls.renameLink(link.name, name);
  link.name = name;
}
