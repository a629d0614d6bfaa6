import type { NewTap } from "../../src/linux/tun.ts";
import { decoderOf } from "../../src/netlink/fields.ts";
import type { LinkAttributes } from "../../src/netlink/link/attributes.ts";
import { type LinkMessage, VETH_FIELDS } from "../../src/netlink/link/message.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { type FakeLink, findByName, portsOf } from "./link.ts";
import { changeBridge, setFlags } from "./link-changes.ts";
import { childrenOf, planChild, standOn } from "./link-children.ts";
import { takeOff } from "./link-moves.ts";
import { validateMac, validateName } from "./link-validation.ts";
import { type Machine, newLink, tellOfLink } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { setMaster } from "./ports.ts";
import { Refusal } from "./refusal.ts";
import { planVrf } from "./vrf.ts";

/** Packets that wait to be sent by a link of a kind, where it is not 1000. TX_Q_LIMIT in drivers/net/ifb.c */
const QUEUE_LENGTH: Readonly<Record<string, number>> = { ifb: 32 };

/** The MTU of a link of a kind, where it is not 1500. vrf_setup() in drivers/net/vrf.c */
const MTU: Readonly<Record<string, number>> = { vrf: 65_575 };

/** Makes the link that RTM_NEWLINK describes, whole or not at all. @throws Refusal */
export function makeLink(machine: Machine, asking: FakeNamespace, message: LinkMessage): void {
  const { attributes } = message;
  const { info, name = "", master } = attributes;
  const kind = info?.kind ?? "";
  if (!machine.features.kinds.has(kind)) throw new Refusal(ERRNO.EOPNOTSUPP, "Unknown device type");
  validateName(name);
  const namespace = targetOf(machine, asking, attributes);
  // The settings of a link are checked before it is made.
  const child = planChild(machine, asking, attributes);
  const vrf = kind === "vrf" ? planVrf(info?.data) : undefined;
  const link =
    kind === "veth"
      ? makeVeth(machine, namespace, attributes)
      : register(namespace, describe(machine, namespace, kind, { ...attributes, ...child?.given }));
  if (child !== undefined) standOn(link, child);
  if (vrf !== undefined) link.settings = vrf;
  try {
    if (kind === "bridge") {
      link.bridge = { forwardDelay: 1500, spanningTree: 0, vlanFiltering: 0, defaultVlan: 1, bits: 0 };
      if (info?.data !== undefined) changeBridge(machine, link, info.data);
      if (machine.features.vlanFiltering) link.vlans = [{ id: link.bridge.defaultVlan, pvid: true, untagged: true }];
    }
    setFlags(namespace, link, message);
    if (master !== undefined && master !== 0) setMaster(machine, namespace, link, master);
  } catch (error) {
    removeLink(machine, namespace, link);
    throw error;
  }
}

/** Where a link is made that is asked for in a namespace. */
export function targetOf(machine: Machine, asking: FakeNamespace, { netnsFd }: LinkAttributes): FakeNamespace {
  return netnsFd === undefined ? asking : machine.byDescriptor(netnsFd);
}

/** Makes a tap, as TUNSETIFF does with IFF_TUN_EXCL. @throws Refusal EBUSY, EINVAL */
export function makeTap(machine: Machine, namespace: FakeNamespace, { name }: NewTap): void {
  validateName(name);
  if (findByName(namespace, name) !== undefined) throw new Refusal(ERRNO.EBUSY);
  register(namespace, describe(machine, namespace, "tun", { name, transmitQueueLength: 1000 }));
}

/** Takes a link away, of a veth both ends, with all that is on it. */
export function removeLink(machine: Machine, namespace: FakeNamespace, link: FakeLink): void {
  if (!namespace.links.has(link.index)) return;
  for (const port of portsOf(namespace, link)) setMaster(machine, namespace, port, 0);
  if (link.master !== undefined) setMaster(machine, namespace, link, 0);
  takeOff(namespace, link);
  const peer = link.peer?.namespace.links.get(link.peer.index);
  if (link.peer !== undefined && peer !== undefined) removeLink(machine, link.peer.namespace, peer);
  for (const [where, child] of childrenOf(machine, namespace, link.index)) removeLink(machine, where, child);
}

function makeVeth(machine: Machine, namespace: FakeNamespace, attributes: LinkAttributes): FakeLink {
  const described = decoderOf(VETH_FIELDS)(attributes.info?.data ?? new Uint8Array()).peer;
  const wanted = described?.attributes ?? {};
  const other = wanted.netnsFd === undefined ? namespace : machine.byDescriptor(wanted.netnsFd);
  const { name = "veth0" } = wanted;
  if (wanted.mac !== undefined) validateMac(wanted.mac);
  validateName(name);
  if (findByName(other, name) !== undefined) throw new Refusal(ERRNO.EEXIST);
  if (other === namespace && name === attributes.name) {
    // The other end has been made by then, and its index is used up.
    other.nextIndex();
    throw new Refusal(ERRNO.EEXIST);
  }
  const peer = register(other, describe(machine, other, "veth", { ...wanted, name }));
  const link = register(namespace, describe(machine, namespace, "veth", attributes));
  peer.peer = { namespace, index: link.index };
  link.peer = { namespace: other, index: peer.index };
  if (described !== undefined) setFlags(other, peer, described);
  return link;
}

function describe(
  machine: Machine,
  namespace: FakeNamespace,
  kind: string,
  {
    name = "",
    mac,
    mtu = MTU[kind] ?? 1500,
    group = 0,
    transmitQueueLength = QUEUE_LENGTH[kind] ?? 1000,
  }: LinkAttributes,
): FakeLink {
  const given = mac === undefined ? { mac: machine.nextMac() } : { mac, isMacGiven: true };
  return newLink(namespace, { kind, name, mtu, group, transmitQueueLength, ...given });
}

function register(namespace: FakeNamespace, link: FakeLink): FakeLink {
  namespace.links.set(link.index, link);
  namespace.sysctls.addLink(link.name);
  tellOfLink(namespace, link.index);
  return link;
}
