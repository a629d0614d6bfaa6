import { describe, expect, test } from "vitest";
import { SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFMTU } from "../../../src/linux/ifreq.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { getLinkBrief, hasArp, isRunning } from "../../../src/netlink/link/brief.ts";
import { bytesOf, linkIn } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

/** The union of struct ifreq, as the kernel filled it for a bridge with index 7. */
const ANSWERS: Readonly<Record<number, string>> = {
  [SIOCGIFINDEX]: `07000000${"00".repeat(20)}`,
  [SIOCGIFHWADDR]: `01000a580a580001${"00".repeat(16)}`,
  [SIOCGIFMTU]: `dc050000${"00".repeat(20)}`,
};

const BRIEF = { index: 7, name: "br0", mac: "0a:58:0a:58:00:01", mtu: 1500 };

/** A kernel that answers so to a name. */
function kernelWith(name: string): FakeNetlink {
  const netlink = new FakeNetlink(() => [linkIn("get-bridge", "br0")]);
  const missing = netlink.ask;
  netlink.ask = (what, asked) =>
    asked === name ? { errno: 0, data: bytesOf(ANSWERS[what] ?? "") } : missing(what, asked);
  return netlink;
}

describe("getLinkBrief()", () => {
  test("asks by name, and sends no request", () => {
    const netlink = kernelWith("br0");

    expect(getLinkBrief(netlink, "br0")).toEqual(BRIEF);
    expect(getLinkBrief(netlink, { name: "br0", index: 7 })).toEqual(BRIEF);
    expect(netlink.requests).toEqual([]);
  });

  test.each([
    ["a name that another link has now", { name: "br0", index: 8 }],
    ["a name that no link has any more", { name: "br1", index: 7 }],
  ])("goes by the index of a link with %s", (_, link) => {
    const netlink = kernelWith("br0");

    expect(getLinkBrief(netlink, link).name).toBe("br0");
    expect(netlink.requests).toHaveLength(1);
  });

  test("throws any other refusal", () => {
    const netlink = new FakeNetlink();
    netlink.ask = () => ({ errno: 1, data: new Uint8Array() });
    const link = { name: "br0", index: 7 };
    expect(() => getLinkBrief(netlink, link)).toThrow('Cannot get link "br0": Operation not permitted');
    netlink.ask = () => ({ errno: 0, data: new Uint8Array() });
    expect(() => getLinkBrief(netlink, link)).toThrow(RangeError);
    expect(netlink.requests).toEqual([]);
  });

  test("throws NetlinkError where there is no link of that name", () => {
    expect(() => getLinkBrief(new FakeNetlink(), "br0")).toThrow(NetlinkError);
    expect(() => getLinkBrief(new FakeNetlink(), "br0")).toThrow('Cannot get link "br0": No such device');
  });
});

test.each([
  ["1043", true, true],
  ["1003", false, true],
  ["10c3", true, false],
])("isRunning() and hasArp() read the flags 0x%s: %s, %s", (flags, running, arp) => {
  const netlink = new FakeNetlink();
  netlink.ask = (what, name) => {
    expect([what, name]).toEqual([SIOCGIFFLAGS, "br0"]);
    return { errno: 0, data: bytesOf(`${flags.slice(2)}${flags.slice(0, 2)}${"00".repeat(22)}`) };
  };
  const link = { name: "br0", index: 7 };
  expect([isRunning(netlink, link), hasArp(netlink, link)]).toEqual([running, arp]);
  expect(() => isRunning(new FakeNetlink(), link)).toThrow('Cannot get link "br0": No such device');
});
