import { expect, test } from "vitest";
import { formatAddress } from "../../src/ip/address.ts";
import { linkLocalAddress } from "../../src/ip/link-local.ts";

// RFC 4291, appendix A has the first.
test.each([
  ["34:56:78:9a:bc:de", "fe80::3656:78ff:fe9a:bcde"],
  ["02:00:00:00:00:01", "fe80::ff:fe00:1"],
])("linkLocalAddress of %s is %s", (mac, address) => {
  expect(formatAddress(linkLocalAddress(mac))).toBe(address);
});
