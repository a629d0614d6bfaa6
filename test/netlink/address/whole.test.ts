import { describe, expect, test } from "vitest";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { IFA_F } from "../../../src/netlink/address/attributes.ts";
import { decodeLinkAddress, encodeLinkAddress } from "../../../src/netlink/address/message.ts";
import { addWholeAddress, isSameLinkAddress, listWholeAddresses } from "../../../src/netlink/address/whole.ts";
import { NLM_F } from "../../../src/netlink/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { captured } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const link = { index: 2, name: "eth0" };

function list(capture: string, change = 0) {
  const netlink = new FakeNetlink(() =>
    captured(capture, "received", RTM.NEWADDR).map((message) => {
      const { header, attributes } = decodeLinkAddress(message.payload);
      const flags = (attributes.flags ?? 0) | change;
      return { ...message, payload: encodeLinkAddress({ header, attributes: { ...attributes, flags } }) };
    }),
  );
  return listWholeAddresses(netlink, link, 6).filter(({ known }) => known.prefix.address.family === 6);
}

function added(address: ReturnType<typeof list>[number]) {
  const netlink = new FakeNetlink();
  addWholeAddress(netlink, link, address);
  const { type, flags, payload, action } = netlink.onlyRequest;
  return { type, flags, action, ...decodeLinkAddress(payload) };
}

describe("listWholeAddresses()", () => {
  test("lists all but those of IPv6 privacy extensions", () => {
    const found = list("list-addresses-settled");
    expect(found.map(({ known }) => formatPrefix(known.prefix))).toEqual(
      expect.arrayContaining(["fd00::2/64", "fd00::3/64"]),
    );
    expect(list("list-addresses-settled", IFA_F.TEMPORARY)).toEqual([]);
    const [one, other] = found;
    if (one === undefined || other === undefined) throw new Error("The capture has two addresses");
    expect([isSameLinkAddress(one, one), isSameLinkAddress(one, other)]).toEqual([true, false]);
  });
});

describe("listWholeAddresses() asks", () => {
  test("for those of one link and family", () => {
    const netlink = new FakeNetlink();
    listWholeAddresses(netlink, link, 6);
    const { type, flags, payload, action } = netlink.onlyRequest;
    expect({ type, flags, action }).toEqual({
      type: RTM.GETADDR,
      flags: NLM_F.DUMP,
      action: 'list the IPv6 addresses of link "eth0"',
    });
    expect(decodeLinkAddress(payload).header).toMatchObject({ family: 10, index: 2 });
  });

  test("and leaves out what a kernel without filters sends as well", () => {
    const kernel = () => new FakeNetlink(() => captured("list-addresses-settled", "received", RTM.NEWADDR));
    const listed = (index: number, family: 4 | 6) => listWholeAddresses(kernel(), { index, name: "eth0" }, family);
    expect([listed(2, 4), listed(2, 6), listed(3, 4), listed(3, 6)].map(({ length }) => length)).toEqual([1, 3, 0, 0]);
  });
});

describe("addWholeAddress()", () => {
  test("adds an address with its length, lifetime and flags, usable at once if it was usable", () => {
    for (const address of list("list-addresses-settled")) {
      const { type, flags, header, attributes, action } = added(address);
      const before = address.message.attributes;
      expect([type, flags]).toEqual([RTM.NEWADDR, NLM_F.CREATE | NLM_F.EXCL | NLM_F.ACK]);
      expect(action).toBe(`add address ${formatPrefix(address.known.prefix)} to link "eth0"`);
      expect(header).toMatchObject({ index: 2, prefixLength: 64 });
      expect(attributes).toMatchObject({ address: before.address, lifetime: before.lifetime });
      expect(attributes.flags).toBe(((before.flags ?? 0) & IFA_F.NOPREFIXROUTE) | IFA_F.NODAD);
    }
  });

  test.each(["TENTATIVE", "DADFAILED"] as const)("has the kernel look for duplicates of one that was %s", (flag) => {
    const usable = list("list-addresses-settled");
    const before = usable.map(({ message }) => (message.attributes.flags ?? 0) & IFA_F.NODAD);
    const after = list("list-addresses-settled", IFA_F[flag]).map((each) => added(each).attributes.flags ?? 0);
    expect(after.map((flags) => flags & IFA_F.NODAD)).toEqual(before);
    expect(before).toContain(0);
  });
});
