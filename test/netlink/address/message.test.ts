import { describe, expect, test } from "vitest";
import { formatAddress } from "../../../src/ip/address.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { ADDRESS_HEADER_SIZE, addressHeader } from "../../../src/netlink/address/header.ts";
import { decodeLinkAddress, encodeLinkAddress, readLinkAddress } from "../../../src/netlink/address/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { bytesOf, captured, contentOf } from "../captured.ts";

const addresses = captured("list-addresses", "received", RTM.NEWADDR).map(({ payload }) => payload);

test.each([...addresses.entries()])("encodeLinkAddress() keeps all that decodeLinkAddress() read: %i", (_, payload) => {
  const again = encodeLinkAddress(decodeLinkAddress(payload));

  expect(contentOf(again, ADDRESS_HEADER_SIZE)).toEqual(contentOf(payload, ADDRESS_HEADER_SIZE));
});

describe("readLinkAddress()", () => {
  test("reads addresses of both families, and whether they can be used", () => {
    const seen = addresses.map(readLinkAddress).map(({ prefix, broadcast, ...rest }) => ({
      prefix: formatPrefix(prefix),
      broadcast: broadcast && formatAddress(broadcast),
      ...rest,
    }));

    const common = { index: 2, scope: 0, tentative: false, duplicate: false, broadcast: undefined };
    expect(seen).toEqual([
      { ...common, prefix: "10.1.0.2/24", broadcast: "10.1.0.255" },
      { ...common, prefix: "fd00::3/64" },
      { ...common, prefix: "fd00::2/64", tentative: true },
      { ...common, prefix: "fe80::ff:fe00:3/64", scope: 253, tentative: true },
    ]);
  });

  test("reads that all are settled", () => {
    const settled = captured("list-addresses-settled", "received", RTM.NEWADDR);

    expect(settled.map(({ payload }) => readLinkAddress(payload).tentative)).toEqual([false, false, false, false]);
  });

  test("takes the flags of the structure where the attribute is missing, and the address that is ours of two", () => {
    const duplicate = bytesOf(
      "0a400800020000001400010000000000000000000000000000000001" + "14000200fd000000000000000000000000000002",
    );

    expect(readLinkAddress(duplicate)).toMatchObject({
      prefix: { address: { value: 0xfd000000000000000000000000000002n } },
      duplicate: true,
    });
  });

  test("throws RangeError without an address", () => {
    expect(() => readLinkAddress(bytesOf("0218800002000000"))).toThrow(
      new RangeError("Cannot decode an address message: IFA_LOCAL and IFA_ADDRESS are missing"),
    );
  });
});

test("addressHeader throws RangeError for less than a header", () => {
  expect(() => addressHeader.decode(bytesOf("02188000"))).toThrow(
    new RangeError("Cannot decode struct ifaddrmsg: 4 bytes, must be at least 8"),
  );
});
