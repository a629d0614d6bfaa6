import { encodeFields } from "../fields.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { HANDLE, TC_H } from "./header.ts";
import { encodeQdisc, type QdiscMessage, type TokenBucket } from "./message.ts";
import { type RateSpec, TBF_FIELDS, TC_LINKLAYER } from "./tbf.ts";

/** The highest rate that struct tc_ratespec can hold. Higher rates need the rate64 attribute. */
const MAX_RATE = 0xffffffff;

/**
 * Limits what a link sends, like `tc qdisc add dev NAME root handle 1: tbf rate … burst … limit …`. It replaces the link's default
 * qdisc. @throws NetlinkError EEXIST if the link has another one, ENOENT if the kernel lacks sch_tbf, EINVAL for an empty bucket
 */
export function addTokenBucket(netlink: Rtnetlink, link: LinkId, bucket: TokenBucket): void {
  const { rate, limit, buffer } = bucket;
  const parameters = { rate: rateSpec(Math.min(rate, MAX_RATE)), peakRate: rateSpec(0), limit, buffer, mtu: 0 };
  const options = encodeFields(TBF_FIELDS, { parameters, ...(rate > MAX_RATE && { rate64: BigInt(rate) }) });
  const header = { index: link.index, handle: HANDLE.TOKEN_BUCKET, parent: TC_H.ROOT };
  add(netlink, { header, attributes: { kind: "tbf", options } }, `add a token bucket filter to link "${link.name}"`);
}

/**
 * Adds an ingress qdisc, which lets filters see received packets, like `tc qdisc add dev NAME ingress`. @throws NetlinkError EEXIST if
 * the link has one, ENOENT if the kernel lacks sch_ingress
 */
export function addIngress(netlink: Rtnetlink, link: LinkId): void {
  const header = { index: link.index, handle: HANDLE.INGRESS, parent: TC_H.INGRESS };
  add(netlink, { header, attributes: { kind: "ingress" } }, `add an ingress qdisc to link "${link.name}"`);
}

function rateSpec(rate: number): RateSpec {
  const linkLayer = rate === 0 ? 0 : TC_LINKLAYER.ETHERNET;
  return { cellLog: 0, linkLayer, overhead: 0, cellAlign: 0, mpu: 0, rate };
}

function add(netlink: Rtnetlink, qdisc: QdiscMessage, action: string): void {
  const flags = NLM_F.CREATE | NLM_F.EXCL | NLM_F.ACK;
  netlink.request({ type: RTM.NEWQDISC, flags, payload: encodeQdisc(qdisc), action });
}
