import { expect, test } from "vitest";
import { decodeExtension, readMatch } from "../../../src/netfilter/iptables/xt-match.ts";
import { raw, text } from "../../../src/netlink/codec.ts";
import { encodeFields } from "../../../src/netlink/fields.ts";

/** Bits of struct xt_conntrack_mtinfo3. <linux/netfilter/xt_conntrack.h> */
const XT_CONNTRACK = { STATE: 0x1, PROTO: 0x2 };
const STATE = { ESTABLISHED: 0x2, RELATED: 0x4, NEW: 0x8, DNAT: 0x80 };

/** struct xt_conntrack_mtinfo3 up to its states. <linux/netfilter/xt_conntrack.h> */
function conntrack(states: number, { flags = XT_CONNTRACK.STATE, inverted = 0 } = {}): Uint8Array {
  const info = new Uint8Array(152);
  const view = new DataView(info.buffer);
  view.setUint16(146, flags, true);
  view.setUint16(148, inverted, true);
  view.setUint16(150, states, true);
  return info;
}

const { STATE: ON_STATE, PROTO: ON_PROTO } = XT_CONNTRACK;

test.each([
  ["--ctstate RELATED,ESTABLISHED", conntrack(STATE.RELATED | STATE.ESTABLISHED), { established: true }],
  ["--ctstate DNAT", conntrack(STATE.DNAT), { translated: true }],
  ["--ctstate ESTABLISHED", conntrack(STATE.ESTABLISHED), undefined],
  ["--ctstate NEW", conntrack(STATE.NEW), undefined],
  ["! --ctstate DNAT", conntrack(STATE.DNAT, { inverted: ON_STATE }), undefined],
  ["--ctproto tcp", conntrack(STATE.DNAT, { flags: ON_PROTO }), undefined],
  ["--ctstate DNAT --ctproto tcp", conntrack(STATE.DNAT, { flags: ON_STATE | ON_PROTO }), undefined],
  ["the struct of an older revision", conntrack(STATE.DNAT).subarray(0, 151), undefined],
])("readMatch() reads -m conntrack with %s", (_, info, expected) => {
  expect(readMatch({ name: "conntrack", info })).toEqual(expected);
});

test("readMatch() reads a comment, and no other match", () => {
  expect(readMatch({ name: "comment", info: text.encode("by me") })).toEqual({ comment: "by me" });
  expect(readMatch({ name: "state", info: conntrack(STATE.DNAT) })).toBeUndefined();
});

test("decodeExtension() reads the name and the struct of a match, even if it has none", () => {
  const fields = { name: [1, text], info: [3, raw] } as const;
  const info = Uint8Array.of(1, 2);
  expect(decodeExtension(encodeFields(fields, { name: "addrtype", info }))).toEqual({ name: "addrtype", info });
  expect(decodeExtension(new Uint8Array())).toEqual({ name: "", info: new Uint8Array() });
});
