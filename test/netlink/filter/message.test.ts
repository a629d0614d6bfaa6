import { describe, expect, test } from "vitest";
import { decoderOf, encodeFields } from "../../../src/netlink/fields.ts";
import { MIRRED_FIELDS, U32_FIELDS } from "../../../src/netlink/filter/attributes.ts";
import { decodeFilter, encodeFilter, readFilter } from "../../../src/netlink/filter/message.ts";
import { QDISC_HEADER_SIZE } from "../../../src/netlink/qdisc/header.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { bytesOf, captured, contentOf } from "../captured.ts";

const payloads = captured("list-filters", "received", RTM.NEWTFILTER).map(({ payload }) => payload);

test("encodeFilter() keeps all that decodeFilter() read", () => {
  for (const payload of payloads) {
    const again = encodeFilter(decodeFilter(payload));
    expect(contentOf(again, QDISC_HEADER_SIZE)).toEqual(contentOf(payload, QDISC_HEADER_SIZE));
  }
});

test("MIRRED_FIELDS keep all that they read of the kernel's", () => {
  const options = payloads.flatMap((payload) => {
    const u32 = decoderOf(U32_FIELDS)(decodeFilter(payload).attributes.options ?? new Uint8Array());
    return u32.actions?.first?.options ?? [];
  });
  expect(options).toHaveLength(1);
  for (const bytes of options)
    expect(contentOf(encodeFields(MIRRED_FIELDS, decoderOf(MIRRED_FIELDS)(bytes)), 0)).toEqual(contentOf(bytes, 0));
});

describe("readFilter()", () => {
  test("reads where a u32 filter sends packets; the tables that the kernel keeps for it send none", () => {
    const filter = { kind: "u32", priority: 1, protocol: 3 };
    expect(payloads.map(readFilter)).toEqual([
      { ...filter, redirect: undefined },
      { ...filter, redirect: undefined },
      { ...filter, redirect: 3 },
    ]);
  });

  test("reads none of a filter of another kind, or whose action says nothing", () => {
    const mirred = encodeFields(U32_FIELDS, { actions: { first: { kind: "mirred" } } });
    const empty = encodeFields(U32_FIELDS, { actions: { first: { kind: "mirred", options: new Uint8Array() } } });
    const read = (attributes: { kind?: string; options?: Uint8Array }) =>
      readFilter(encodeFilter({ header: {}, attributes }));
    expect([mirred, empty].map((options) => read({ kind: "u32", options }).redirect)).toEqual([undefined, undefined]);
    expect(read({ kind: "bpf", options: new Uint8Array([1, 0, 2, 0]) })).toMatchObject({ redirect: undefined });
    expect(read({})).toEqual({ kind: "", priority: 0, protocol: 0, redirect: undefined });
  });

  test("throws RangeError for a message without its structure", () => {
    expect(() => readFilter(bytesOf("0000"))).toThrow(
      new RangeError("Cannot decode struct tcmsg: 2 bytes, must be at least 20"),
    );
  });
});
