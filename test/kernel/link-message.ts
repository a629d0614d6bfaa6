import { encodeFields } from "../../src/netlink/fields.ts";
import { BR_STATE, BRIDGE_FIELDS, type LinkAttributes, PORT_FIELDS } from "../../src/netlink/link/attributes.ts";
import { DEVICE_FIELDS } from "../../src/netlink/link/device.ts";
import { IFF } from "../../src/netlink/link/header.ts";
import { KEPT_FIELDS } from "../../src/netlink/link/kept-settings.ts";
import { encodeLink } from "../../src/netlink/link/message.ts";
import { concat } from "../../src/platform/bytes.ts";
import { type FakeLink, isReady } from "./link.ts";
import { SETTING_FIELDS } from "./link-children.ts";
import type { Machine } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { vrfOf } from "./vrf.ts";

/** <linux/if_arp.h> */
const ARPHRD = { ETHER: 1, LOOPBACK: 772 } as const;

/** Bits of a bridge that this kernel knows, as br_boolopt_multi_get() tells them. */
const BITS = 0xf;

/** A link in the words of the kernel's answer to RTM_GETLINK. */
export function describeLink(machine: Machine, namespace: FakeNamespace, link: FakeLink): Uint8Array {
  const { index, flags } = link;
  const attributes: LinkAttributes = {
    name: link.name,
    transmitQueueLength: link.transmitQueueLength,
    operationalState: link.operationalState,
    mtu: link.mtu,
    group: link.group,
    promiscuity: promiscuityOf(link),
    master: link.master,
    mac: link.mac,
    alias: link.alias === "" ? undefined : link.alias,
    ...peerOf(machine, namespace, link),
    info: link.kind === "" && link.port === undefined ? undefined : infoOf(machine, namespace, link),
  };
  const type = link.kind === "" ? ARPHRD.LOOPBACK : ARPHRD.ETHER;
  const bytes = encodeLink({ header: { type, index, flags }, attributes });
  return concat([bytes, encodeFields(KEPT_FIELDS, link.kept), encodeFields(DEVICE_FIELDS, link.hardware ?? {})]);
}

/** A port takes every packet for its bridge. */
function promiscuityOf({ flags, port }: FakeLink): number {
  return ((flags & IFF.PROMISC) === 0 ? 0 : 1) + (port === undefined ? 0 : 1);
}

function peerOf(
  { features }: Machine,
  namespace: FakeNamespace,
  { index, kind, peer: end, parent }: FakeLink,
): Pick<LinkAttributes, "link" | "linkNetnsId"> {
  const peer = end ?? parent;
  if (peer === undefined) return {};
  if (kind === "ipvlan" && !features.ipvlanNetns) return peer.index === index ? {} : { link: peer.index };
  if (peer.namespace === namespace) return { link: peer.index };
  return { link: peer.index, linkNetnsId: namespace.numberOf(peer.namespace) };
}

function infoOf({ features }: Machine, namespace: FakeNamespace, link: FakeLink): LinkAttributes["info"] {
  const { kind, bridge, port, settings } = link;
  const fields = SETTING_FIELDS[kind];
  return {
    ...(kind !== "" && { kind }),
    ...(bridge !== undefined && {
      data: encodeFields(BRIDGE_FIELDS, {
        forwardDelay: bridge.forwardDelay,
        spanningTree: bridge.spanningTree,
        vlanFiltering: bridge.vlanFiltering,
        // Without CONFIG_BRIDGE_VLAN_FILTERING there is no telling.
        ...(features.vlanFiltering && { defaultVlan: bridge.defaultVlan }),
        bits: { values: bridge.bits, mask: BITS },
      }),
    }),
    ...(fields !== undefined && { data: encodeFields(fields, settings) }),
    ...(vrfOf(namespace, link) !== undefined && { portKind: "vrf" }),
    ...(port !== undefined && {
      portKind: "bridge",
      portData: encodeFields(PORT_FIELDS, {
        state: isReady(link) ? BR_STATE.FORWARDING : BR_STATE.DISABLED,
        hairpin: port.hairpin,
        groups: port.groups,
        isolated: port.isolated,
      }),
    }),
  };
}
