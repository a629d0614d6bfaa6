import { describe, expect, test } from "vitest";
import { decoderOf, encodeFields } from "../../../src/netlink/fields.ts";
import { QDISC_HEADER_SIZE, TC_H } from "../../../src/netlink/qdisc/header.ts";
import { decodeQdisc, encodeQdisc, readQdisc } from "../../../src/netlink/qdisc/message.ts";
import { TBF_FIELDS } from "../../../src/netlink/qdisc/tbf.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { bytesOf, captured, contentOf, lastOf } from "../captured.ts";

const payloads = captured("list-qdiscs", "received", RTM.NEWQDISC).map(({ payload }) => payload);

test("encodeQdisc() keeps all that decodeQdisc() read", () => {
  for (const payload of payloads) {
    const again = encodeQdisc(decodeQdisc(payload));
    expect(contentOf(again, QDISC_HEADER_SIZE)).toEqual(contentOf(payload, QDISC_HEADER_SIZE));
  }
});

test("TBF_FIELDS keep all that they read of what `tc` sent", () => {
  const { options = new Uint8Array() } = decodeQdisc(lastOf("add-tbf-fast", "sent", RTM.NEWQDISC).payload).attributes;
  expect(contentOf(encodeFields(TBF_FIELDS, decoderOf(TBF_FIELDS)(options)), 0)).toEqual(contentOf(options, 0));
});

describe("readQdisc()", () => {
  test("reads a token bucket filter, an ingress qdisc, and a rate of more than 32 bits", () => {
    expect(payloads.map(readQdisc)).toEqual(
      expect.arrayContaining([
        {
          kind: "tbf",
          index: 2,
          handle: 0x00010000,
          parent: TC_H.ROOT,
          tokenBucket: { rate: 2_500_000, limit: 87_500, buffer: 156_250 },
        },
        { kind: "ingress", index: 2, handle: 0xffff0000, parent: TC_H.INGRESS, tokenBucket: undefined },
        expect.objectContaining({ tokenBucket: { rate: 12_500_000_000, limit: 437_500_000, buffer: 156_249 } }),
      ]),
    );
  });

  test("reads settings of a token bucket filter alone, and only if there are any", () => {
    const options = encodeFields(TBF_FIELDS, { rate64: 1n });
    const read = (attributes: { kind?: string; options?: Uint8Array }) =>
      readQdisc(encodeQdisc({ header: { index: 2 }, attributes }));
    expect(read({ kind: "htb", options: new Uint8Array(4) })).toMatchObject({ kind: "htb", tokenBucket: undefined });
    expect(read({ kind: "tbf" }).tokenBucket).toBeUndefined();
    expect(read({ kind: "tbf", options }).tokenBucket).toBeUndefined();
    expect(read({})).toMatchObject({ kind: "", index: 2 });
  });

  test.each([
    ["00000000", "Cannot decode struct tcmsg: 4 bytes, must be at least 20"],
    [
      `${"00".repeat(20)}0800010074626600${"0c0002000800010000000000"}`,
      "Cannot decode struct tc_tbf_qopt: 4 bytes, must be at least 36",
    ],
  ])("throws RangeError for %s", (hex, message) => {
    expect(() => readQdisc(bytesOf(hex))).toThrow(new RangeError(message));
  });
});
