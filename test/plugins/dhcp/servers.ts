import { decodeMessage, encodeMessage, TYPE } from "../../../src/dhcp/message.ts";
import { OPTION } from "../../../src/dhcp/options.ts";
import * as six from "../../../src/dhcp/v6/message.ts";
import { encodeOptions, OPTION as OPTION6, type Options as Options6, STATUS } from "../../../src/dhcp/v6/options.ts";
import { type Address, encodeAddress, formatAddress, isSameAddress } from "../../../src/ip/address.ts";
import { concat } from "../../../src/platform/bytes.ts";
import { capturedPayload } from "../../dhcp/captured.ts";
import { message6 } from "../../dhcp/v6/captured.ts";
import type { lan } from "./lan.ts";

// The servers of lan.ts: they answer what dnsmasq did, to whoever asks.

type Lan = typeof lan;

/** The name of each kind of message. */
const NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, type]) => [type, name] as const));
const NAMES6 = new Map<number, string>(Object.entries(six.TYPE).map(([name, type]) => [type, `${name}6`] as const));

interface Ends {
  readonly from: Address;
  readonly to: Address;
  /** " by UDP" of IPv4 by a UDP socket: the other way is a packet to everyone's MAC. */
  readonly way?: string;
}

function note(lan: Lan, name: string | undefined, { from, to, way = "" }: Ends): string {
  const message = `${name}${way} from ${formatAddress(from)} to ${formatAddress(to)}`;
  lan.sent.push(message);
  lan.onSent(message);
  return name ?? "";
}

/** A server of IPv4. One that runs Linux gets no RELEASE whose source is 0.0.0.0. */
export function hear4(lan: Lan, payload: Uint8Array, ends: Ends): readonly Uint8Array[] {
  const question = decodeMessage(payload);
  lan.messages.push(question);
  const name = note(lan, NAMES.get(question.options.get(OPTION.MESSAGE_TYPE)?.[0] ?? 0), ends);
  if (name === "RELEASE" && isSameAddress(ends.from, question.client))
    lan.leases.delete(formatAddress(question.client));
  if (name === "RELEASE" || lan.unanswered.includes(name)) return [];
  const known = decodeMessage(capturedPayload("dhclient", name === "DISCOVER" ? "offer" : "ack"));
  const { xid, mac } = question;
  if (lan.refused.includes(name)) {
    const text = new TextEncoder().encode("no longer");
    const said = [OPTION.MESSAGE_TYPE, OPTION.SERVER].map((code) => [code, known.options.get(code)] as const);
    const options = keep([...said, [OPTION.MESSAGE_TYPE, Uint8Array.of(TYPE.NAK)], [OPTION.TEXT, text]]);
    return [inPacket(encodeMessage({ ...known, xid, mac, options }))];
  }
  const changes = Object.entries(lan.options).map(([code, value]) => [Number(code), value] as const);
  const options = keep([...known.options, ...changes]);
  if (name === "REQUEST") lan.leases.add(formatAddress(known.yours));
  return [inPacket(encodeMessage({ ...known, xid, mac, options }))];
}

function keep(options: readonly (readonly [number, Uint8Array | undefined])[]): ReadonlyMap<number, Uint8Array> {
  const all = new Map(options);
  return new Map([...all].flatMap(([code, value]) => (value === undefined ? [] : [[code, value] as const])));
}

/** IPv4 and UDP, to port 68. No checksum is compared. */
function inPacket(payload: Uint8Array): Uint8Array {
  const headers = new Uint8Array(28);
  const view = new DataView(headers.buffer);
  headers[0] = 0x45;
  headers[9] = 17;
  headers.set(encodeAddress({ family: 4, value: 0xc0a80101n }), 12);
  view.setUint16(20, 67);
  view.setUint16(22, 68);
  view.setUint16(24, 8 + payload.length);
  return concat([headers, payload]);
}

/** A server of IPv6. */
export function hear6(lan: Lan, payload: Uint8Array, ends: Ends): readonly Uint8Array[] {
  const { type, xid, options } = six.decodeMessage(payload);
  const name = note(lan, NAMES6.get(type), ends);
  const reply = message6(name === "SOLICIT6" ? "advertise" : name === "RELEASE6" ? "release-reply" : "reply");
  const own = new Map(options);
  if (name === "RELEASE6") lan.leases.delete("fd00::18");
  if (lan.unanswered.includes(name)) return [];
  const isRefused = lan.refused.includes(name);
  if (name === "REQUEST6" && !isRefused) lan.leases.add("fd00::18");
  const answer: Options6 = reply.options.map(([code, value]) => {
    if (code === OPTION6.CLIENT_ID) return [code, own.get(code) ?? value];
    if (code !== OPTION6.IA_NA) return [code, value];
    const iaid = (own.get(code) ?? value).subarray(0, 4);
    return [code, concat([iaid, isRefused ? NO_ADDRESS : value.subarray(4)])];
  });
  return [six.encodeMessage({ type: reply.type, xid, options: answer })];
}

const NO_MORE = new TextEncoder().encode("no more");

/** The rest of an association: no times, and the status NoAddrsAvail with a text. RFC 8415, 21.13 */
const NO_ADDRESS = concat([
  new Uint8Array(8),
  encodeOptions([[OPTION6.STATUS_CODE, Uint8Array.of(0, STATUS.NO_ADDRESS, ...NO_MORE)]]),
]);
