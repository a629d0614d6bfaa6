import { describe, expect, test } from "vitest";
import { LINK_HEADER_SIZE, linkHeader } from "../../../src/netlink/link/header.ts";
import { decodeLink, encodeLink, readLink } from "../../../src/netlink/link/message.ts";
import { bytesOf, contentOf, linkIn } from "../captured.ts";

const links = {
  bridge: linkIn("get-bridge", "br0"),
  port: linkIn("get-port", "veth0"),
  peer: linkIn("get-peer", "eth0"),
  tuned: linkIn("get-tuned", "eth0"),
};

test.each(Object.entries(links))("encodeLink() keeps all that decodeLink() read: %s", (_, { payload }) => {
  expect(contentOf(encodeLink(decodeLink(payload)), LINK_HEADER_SIZE)).toEqual(contentOf(payload, LINK_HEADER_SIZE));
});

describe("readLink()", () => {
  test("reads a bridge", () => {
    const link = readLink(links.bridge.payload);

    expect(link).toMatchObject({
      index: 2,
      name: "br0",
      mac: "02:00:00:00:00:01",
      mtu: 1400,
      up: true,
      operationalState: 6,
      kind: "bridge",
      master: undefined,
      peer: undefined,
      alias: "",
      promiscuity: 1,
      transmitQueueLength: 1000,
      bridge: { spanningTree: 0, vlanFiltering: 0 },
      port: undefined,
    });
  });

  test("reads a bridge port", () => {
    expect(readLink(links.port.payload)).toMatchObject({
      index: 4,
      name: "veth0",
      kind: "veth",
      master: 2,
      peer: 2,
      alias: "container-1",
      bridge: undefined,
      port: { state: 3, hairpin: 1, isolated: 1 },
    });
  });

  test("reads a link in no bridge", () => {
    expect(readLink(links.peer.payload)).toMatchObject({
      index: 2,
      name: "eth0",
      kind: "veth",
      master: undefined,
      peer: 4,
      port: undefined,
    });
  });

  test("reads what a link was set to", () => {
    expect(readLink(links.tuned.payload)).toMatchObject({
      mac: "02:00:00:00:00:0a",
      mtu: 1300,
      transmitQueueLength: 500,
      promiscuity: 1,
      promiscuous: true,
      allMulticast: true,
    });
    expect(readLink(links.peer.payload)).toMatchObject({ promiscuous: false, allMulticast: false });
  });

  test.each([
    [{ link: 7, linkNetnsId: 0 }, 7],
    [{ linkNetnsId: 0 }, 3],
    [{}, undefined],
  ])("takes the other end of a veth for one with the same index if its namespace is known: %o", (attributes, peer) => {
    const payload = encodeLink({ header: { index: 3 }, attributes: { info: { kind: "veth" }, ...attributes } });
    expect(readLink(payload).peer).toBe(peer);
  });

  test("reads a link of which the kernel says nothing", () => {
    expect(readLink(bytesOf("00000403010000000800000000000000"))).toEqual({
      index: 1,
      name: "",
      mac: "",
      mtu: 0,
      up: false,
      operationalState: 0,
      kind: "",
      master: undefined,
      peer: undefined,
      alias: "",
      group: 0,
      promiscuity: 0,
      promiscuous: false,
      allMulticast: false,
      transmitQueueLength: 0,
      bridge: undefined,
      port: undefined,
    });
  });
});

test("linkHeader throws RangeError for less than a header", () => {
  expect(() => linkHeader.decode(bytesOf("0000040301000000"))).toThrow(
    new RangeError("Cannot decode struct ifinfomsg: 8 bytes, must be at least 16"),
  );
});
