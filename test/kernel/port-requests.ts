import { AF } from "../../src/linux/socket.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { decodeAttributes, encodeAttributes } from "../../src/netlink/attribute.ts";
import { encodeFields } from "../../src/netlink/fields.ts";
import { IFLA } from "../../src/netlink/link/attributes.ts";
import { LINK_HEADER_SIZE } from "../../src/netlink/link/header.ts";
import { encodeLink, type LinkMessage } from "../../src/netlink/link/message.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";
import {
  BRIDGE_VLAN_INFO,
  BRIDGE_VLANDB,
  ENTRY_FIELDS,
  IFLA_BRIDGE,
  vlanInfo,
} from "../../src/netlink/vlan/attributes.ts";
import { vlanHeader } from "../../src/netlink/vlan/header.ts";
import type { PortVlan } from "../../src/netlink/vlan/message.ts";
import { concat } from "../../src/platform/bytes.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import type { Answer } from "./answer.ts";
import type { FakeLink } from "./link.ts";
import type { Machine } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { Refusal } from "./refusal.ts";

/** Highest ID that a VLAN may have. IEEE 802.1Q, 9.6 */
const MAX_VLAN = 4094;

/** RTM_SETLINK of family AF_BRIDGE: settings of a port, and VLANs that it joins. @throws Refusal EOPNOTSUPP where it is no port */
export function changePort(machine: Machine, _: FakeNamespace, link: FakeLink, message: LinkMessage): void {
  if (link.port === undefined) throw new Refusal(ERRNO.EOPNOTSUPP);
  const { hairpin, isolated, groups } = message.attributes.port ?? {};
  // BR_GROUPFWD_MACPAUSE in net/bridge/br_private.h
  if (groups !== undefined && (groups & 0x2) !== 0) throw new Refusal(ERRNO.EINVAL);
  if (hairpin !== undefined) link.port.hairpin = hairpin;
  if (isolated !== undefined) link.port.isolated = isolated;
  if (groups !== undefined) link.port.groups = groups;
  const vlans = vlansIn(message);
  if (vlans.length > 0 && !machine.features.vlanFiltering) throw new Refusal(ERRNO.EOPNOTSUPP);
  if (vlans.some(({ id }) => id < 1 || id > MAX_VLAN)) throw new Refusal(ERRNO.EINVAL, "Invalid vlan id");
  for (const vlan of vlans) join(link, vlan);
}

/** RTM_DELLINK of family AF_BRIDGE: VLANs that a port leaves. @throws Refusal as changePort */
export function deletePortVlans({ features }: Machine, link: FakeLink, message: LinkMessage): void {
  if (link.port === undefined || !features.vlanFiltering) throw new Refusal(ERRNO.EOPNOTSUPP);
  const ids = vlansIn(message).map(({ id }) => id);
  link.vlans = link.vlans.filter(({ id }) => !ids.includes(id));
}

/** RTM_GETVLAN: the VLANs of a bridge or a port, an entry for each. */
export function requestVlans(
  machine: Machine,
  namespace: FakeNamespace,
  { payload }: NetlinkRequest,
): readonly Answer[] {
  if (!machine.features.vlanFiltering) throw new Refusal(ERRNO.EOPNOTSUPP);
  const { index } = vlanHeader.decode(payload);
  const link = namespace.links.get(index);
  if (link === undefined) throw new Refusal(ERRNO.ENODEV);
  if (link.bridge === undefined && link.port === undefined) throw new Refusal(ERRNO.EINVAL);
  if (link.vlans.length === 0) return [];
  const entries = link.vlans.map(({ id, pvid, untagged }) => {
    const flags = (pvid ? BRIDGE_VLAN_INFO.PVID : 0) | (untagged ? BRIDGE_VLAN_INFO.UNTAGGED : 0);
    return { type: BRIDGE_VLANDB.ENTRY, value: encodeFields(ENTRY_FIELDS, { info: { flags, id } }), nested: true };
  });
  const header = vlanHeader.encode({ family: AF.BRIDGE, index });
  return [{ type: RTM.NEWVLAN, payload: concat([header, encodeAttributes(entries)]) }];
}

function join(link: FakeLink, vlan: PortVlan): void {
  const others = link.vlans.filter(({ id }) => id !== vlan.id);
  const rest = vlan.pvid ? others.map((each) => ({ ...each, pvid: false })) : others;
  link.vlans = [...rest, vlan].sort((a, b) => a.id - b.id);
}

/** What IFLA_AF_SPEC holds, ranges spelled out. The decoder of links passes it over: its bytes come from encoding it again. */
function vlansIn(message: LinkMessage): readonly PortVlan[] {
  const attributes = decodeAttributes(encodeLink(message).subarray(LINK_HEADER_SIZE));
  const [spec] = attributes.filter(({ type }) => type === IFLA.AF_SPEC);
  if (spec === undefined) return [];
  const infos = decodeAttributes(spec.value).filter(({ type }) => type === IFLA_BRIDGE.VLAN_INFO);
  const vlans: PortVlan[] = [];
  let first: number | undefined;
  for (const { value } of infos) {
    const { flags, id } = vlanInfo.decode(value);
    if ((flags & BRIDGE_VLAN_INFO.RANGE_BEGIN) !== 0) {
      first = id;
      continue;
    }
    const pvid = (flags & BRIDGE_VLAN_INFO.PVID) !== 0;
    const untagged = (flags & BRIDGE_VLAN_INFO.UNTAGGED) !== 0;
    for (let each = first ?? id; each <= id; each++) vlans.push({ id: each, pvid, untagged });
    first = undefined;
  }
  return vlans;
}
