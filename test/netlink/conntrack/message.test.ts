import { describe, expect, test } from "vitest";
import { connectionType, IPCTNL_MSG } from "../../../src/netlink/conntrack/header.ts";
import { decodeConnection, encodeConnection, readConnection } from "../../../src/netlink/conntrack/message.ts";
import { bytesOf, captured, contentOf } from "../captured.ts";
import { address } from "../text.ts";

const NEW = connectionType(IPCTNL_MSG.CT_NEW);
const payloads = ["../conntrack/list", "../conntrack/list-port"].flatMap((name) =>
  captured(name, "received", NEW).map(({ payload }) => payload),
);

test("encodeConnection() keeps all that decodeConnection() read", () => {
  for (const payload of payloads) {
    expect(contentOf(encodeConnection(decodeConnection(payload)), 4)).toEqual(contentOf(payload, 4));
  }
});

describe("readConnection()", () => {
  test("reads where packets went to and where they really go", () => {
    const [ipv6, ipv4] = payloads.map((payload) => readConnection({ payload }));
    expect(ipv6).toMatchObject({
      protocol: 17,
      original: { source: address("::1"), destination: address("::1"), sourcePort: 40001, destinationPort: 5353 },
      reply: { source: address("::1"), destination: address("::1"), sourcePort: 5353, destinationPort: 40001 },
    });
    expect(ipv4).toMatchObject({
      protocol: 17,
      original: { destination: address("127.0.0.1"), destinationPort: 5353 },
      reply: { source: address("127.0.0.2"), sourcePort: 53 },
    });
  });

  test.each([
    ["02000000", "Cannot decode a connection: CTA_TUPLE_ORIG has no addresses"],
    ["0200", "Cannot decode struct nfgenmsg: 2 bytes, must be at least 4"],
  ])("throws RangeError for %s", (hex, message) => {
    expect(() => readConnection({ payload: bytesOf(hex) })).toThrow(new RangeError(message));
  });
});
