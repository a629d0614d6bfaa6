import { expect, test } from "vitest";
import { decoderOf } from "../../../src/netlink/fields.ts";
import { addIngress, addTokenBucket } from "../../../src/netlink/qdisc/add.ts";
import { decodeQdisc } from "../../../src/netlink/qdisc/message.ts";
import { TBF_FIELDS } from "../../../src/netlink/qdisc/tbf.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

test.each([
  { name: "add-tbf", index: 2, bucket: { rate: 2_500_000, limit: 87_500, buffer: 156_250 } },
  // `tc` makes the buffer of the rate's lower 32 bits, and has the burst in bytes beside it.
  { name: "add-tbf-fast", index: 3, bucket: { rate: 12_500_000_000, limit: 437_500_000, buffer: 454_734 } },
])("addTokenBucket() sends what `tc qdisc add … tbf` sends: $name", ({ name, index, bucket }) => {
  const netlink = new FakeNetlink();
  const sent = lastOf(name, "sent", RTM.NEWQDISC);

  addTokenBucket(netlink, { index, name: "veth0" }, bucket);

  const { flags, payload, ...rest } = netlink.onlyRequest;
  expect({ flags: flags | 1, ...rest }).toEqual({
    flags: sent.flags,
    type: RTM.NEWQDISC,
    action: 'add a token bucket filter to link "veth0"',
  });
  expect(contentsOf(payload)).toEqual(contentsOf(sent.payload));
});

test("addIngress() sends what `tc qdisc add … ingress` sends", () => {
  const netlink = new FakeNetlink();
  const sent = lastOf("add-ingress", "sent", RTM.NEWQDISC);

  addIngress(netlink, { index: 2, name: "veth0" });

  const { flags, payload, action } = netlink.onlyRequest;
  expect({ flags: flags | 1, action }).toEqual({
    flags: sent.flags,
    action: 'add an ingress qdisc to link "veth0"',
  });
  expect(contentsOf(payload)).toEqual(contentsOf(sent.payload));
});

/**
 * `tc` sends besides what the kernel does not read: a table of times by packet lengths with its scale (`cell_*`), and the burst in bytes, which it
 * makes of the buffer's ticks itself.
 */
function contentsOf(payload: Uint8Array) {
  const { header, attributes } = decodeQdisc(payload);
  const { parameters, rate64 } = decoderOf(TBF_FIELDS)(attributes.options ?? new Uint8Array());
  const rate = { ...parameters?.rate, cellLog: 0, cellAlign: 0 };
  return { header, kind: attributes.kind, parameters: parameters && { ...parameters, rate }, rate64 };
}
