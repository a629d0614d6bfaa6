import { AF } from "../../linux/socket.ts";
import { concat } from "../../platform/bytes.ts";
import { type Attribute, decodeAttributes, encodeAttributes } from "../attribute.ts";
import { u16 } from "../codec.ts";
import { decoderOf } from "../fields.ts";
import { IFLA } from "../link/attributes.ts";
import { linkHeader } from "../link/header.ts";
import type { LinkId } from "../link/message.ts";
import type { VlanInfo } from "./attributes.ts";
import { BRIDGE_FLAGS, BRIDGE_VLAN_INFO, BRIDGE_VLANDB, ENTRY_FIELDS, IFLA_BRIDGE, vlanInfo } from "./attributes.ts";
import { vlanHeader } from "./header.ts";

const decodeInfo = decoderOf(ENTRY_FIELDS);

/** A VLAN of a bridge port. */
export interface PortVlan {
  /** 1 to 4094. */
  readonly id: number;
  /** Whether untagged incoming packets belong to it. A port has at most one such VLAN. */
  readonly pvid: boolean;
  /** Whether its packets leave untagged. */
  readonly untagged: boolean;
}

/** Encodes a change of a port's VLANs, as a change of the link with IFLA_AF_SPEC. Consecutive VLANs with equal flags become a range. */
export function encodePortVlans(port: LinkId, vlans: readonly PortVlan[]): Uint8Array<ArrayBuffer> {
  const infos = alikeRuns(vlans).flatMap(encodeRun);
  const value = encodeAttributes([{ type: IFLA_BRIDGE.FLAGS, value: u16.encode(BRIDGE_FLAGS.MASTER) }, ...infos]);
  return concat([
    linkHeader.encode({ family: AF.BRIDGE, index: port.index }),
    encodeAttributes([{ type: IFLA.AF_SPEC, value }]),
  ]);
}

/** Reads the VLANs in a message of a list, with ranges expanded, and the index of their link. @throws RangeError on malformed input */
export function readVlans(payload: Uint8Array): { readonly index: number; readonly vlans: readonly PortVlan[] } {
  const { index } = vlanHeader.decode(payload);
  const entries = decodeAttributes(payload.subarray(vlanHeader.size)).filter(
    ({ type }) => type === BRIDGE_VLANDB.ENTRY,
  );
  return { index, vlans: entries.flatMap(decodeEntry) };
}

/** Formats ascending IDs as numbers and ranges: 100,200-210. */
export function formatVlanIds(ids: readonly number[]): string {
  const runs = alikeRuns(ids.map((id) => ({ id, pvid: false, untagged: false })));
  return runs.map(([first, last]) => (first.id === last.id ? `${first.id}` : `${first.id}-${last.id}`)).join(",");
}

type Run = readonly [first: PortVlan, last: PortVlan];

/** Ranges of VLANs with equal flags. The kernel refuses a range with the PVID flag. */
function alikeRuns(vlans: readonly PortVlan[]): readonly Run[] {
  const runs: Run[] = [];
  for (const vlan of vlans) {
    const [first, last] = runs.at(-1) ?? [];
    const continues = first?.untagged === vlan.untagged && !first.pvid && !vlan.pvid && last?.id === vlan.id - 1;
    if (continues) runs[runs.length - 1] = [first, vlan];
    else runs.push([vlan, vlan]);
  }
  return runs;
}

function encodeRun([first, last]: Run): Attribute[] {
  const flags = (first.pvid ? BRIDGE_VLAN_INFO.PVID : 0) | (first.untagged ? BRIDGE_VLAN_INFO.UNTAGGED : 0);
  const attribute = (info: VlanInfo) => ({ type: IFLA_BRIDGE.VLAN_INFO, value: vlanInfo.encode(info) });
  if (first.id === last.id) return [attribute({ flags, id: first.id })];
  return [
    attribute({ flags: flags | BRIDGE_VLAN_INFO.RANGE_BEGIN, id: first.id }),
    attribute({ flags: flags | BRIDGE_VLAN_INFO.RANGE_END, id: last.id }),
  ];
}

function decodeEntry({ value }: Attribute): PortVlan[] {
  const { info, last = info?.id } = decodeInfo(value);
  if (info === undefined || last === undefined)
    throw new RangeError("Cannot decode a VLAN: BRIDGE_VLANDB_ENTRY_INFO is missing");
  const pvid = (info.flags & BRIDGE_VLAN_INFO.PVID) !== 0;
  const untagged = (info.flags & BRIDGE_VLAN_INFO.UNTAGGED) !== 0;
  return Array.from({ length: last - info.id + 1 }, (_, offset) => ({ id: info.id + offset, pvid, untagged }));
}
