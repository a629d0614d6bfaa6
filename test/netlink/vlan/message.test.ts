import { describe, expect, test } from "vitest";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { vlanInfo } from "../../../src/netlink/vlan/attributes.ts";
import { vlanHeader } from "../../../src/netlink/vlan/header.ts";
import { formatVlanIds, readVlans } from "../../../src/netlink/vlan/message.ts";
import { bytesOf, captured, hexOf } from "../captured.ts";

describe("readVlans()", () => {
  test("refuses a message shorter than its header", () => {
    expect(() => readVlans(bytesOf("070000"))).toThrow("Cannot decode struct br_vlan_msg: 3 bytes, must be at least 8");
  });

  test("refuses an entry without its VLAN", () => {
    expect(() => readVlans(bytesOf("070000000300000004000180"))).toThrow(
      "Cannot decode a VLAN: BRIDGE_VLANDB_ENTRY_INFO is missing",
    );
  });

  test("passes over what is no entry", () => {
    expect(readVlans(bytesOf("07000000030000000800020001000000"))).toEqual({ index: 3, vlans: [] });
  });
});

test("vlanHeader encodes what it decodes", () => {
  for (const { payload } of captured("list-vlans", "received", RTM.NEWVLAN)) {
    expect(hexOf(vlanHeader.encode(vlanHeader.decode(payload)))).toBe(hexOf(payload.subarray(0, 8)));
  }
});

test("vlanInfo encodes what it decodes", () => {
  expect(vlanInfo.decode(bytesOf("0800c800"))).toEqual({ flags: 8, id: 200 });
  expect(hexOf(vlanInfo.encode({ flags: 8, id: 200 }))).toBe("0800c800");
  expect(() => vlanInfo.decode(bytesOf("0800"))).toThrow(
    "Cannot decode struct bridge_vlan_info: 2 bytes, must be at least 4",
  );
});

test.each([
  [[], ""],
  [[100], "100"],
  [[1, 100, 101, 102, 4094], "1,100-102,4094"],
])("formatVlanIds() writes %j as %j", (ids, text) => {
  expect(formatVlanIds(ids)).toBe(text);
});
