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

  test("reads a connection of a protocol without ports, and one that has no protocol", () => {
    const ip = { source4: address("10.0.0.1"), destination4: address("10.0.0.2") };
    const read = (proto: { protocol: number } | undefined) =>
      readConnection({
        payload: encodeConnection({ family: 2, attributes: { original: { ip, proto }, reply: { ip, proto } } }),
      });
    expect(read({ protocol: 1 })).toMatchObject({ protocol: 1, original: { sourcePort: 0, destinationPort: 0 } });
    expect(read(undefined)).toMatchObject({ protocol: 0, reply: { sourcePort: 0, destinationPort: 0 } });
  });

  test.each(["source4", "destination4"] as const)("throws RangeError for a direction that has a %s alone", (which) => {
    const whole = { ip: { source4: address("10.0.0.1"), destination4: address("10.0.0.2") } };
    const half = { ip: { [which]: address("10.0.0.1") } };
    const payload = encodeConnection({ family: 2, attributes: { original: whole, reply: half } });
    expect(() => readConnection({ payload })).toThrow(
      new RangeError("Cannot decode a connection: CTA_TUPLE_REPLY has no addresses"),
    );
  });

  test.each([
    ["02000000", "Cannot decode a connection: CTA_TUPLE_ORIG has no addresses"],
    ["0200", "Cannot decode struct nfgenmsg: 2 bytes, must be at least 4"],
  ])("throws RangeError for %s", (hex, message) => {
    expect(() => readConnection({ payload: bytesOf(hex) })).toThrow(new RangeError(message));
  });
});
