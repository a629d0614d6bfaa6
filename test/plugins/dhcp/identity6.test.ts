import { expect, it } from "vitest";
import { identity6 } from "../../../plugins/dhcp/identity6.ts";

const ATTACHMENT = { containerId: "c1", network: "lan", ifname: "eth0" };

it("identity6() is a UUID of the attachment: a server gives an address by it, so it never changes", () => {
  const { duid, iaid } = identity6(ATTACHMENT);
  expect({ duid: duid.toHex(), iaid }).toEqual({
    duid: "000433986bda80ac8832b5a95bba267688fd",
    iaid: 0xcaed07e8,
  });
});

it("identity6() differs for each attachment", () => {
  const all = [ATTACHMENT, ...Object.keys(ATTACHMENT).map((key) => ({ ...ATTACHMENT, [key]: "other" }))];
  expect(new Set(all.map((each) => identity6(each).duid.toHex())).size).toBe(4);
});
