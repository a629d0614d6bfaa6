import { beforeEach, describe, expect, test, vi } from "vitest";
import { forgetAfter, forgetBefore } from "../../../plugins/portmap/connections.ts";
import type { Redirect } from "../../../plugins/portmap/redirect.ts";
import { IPPROTO } from "../../../src/netfilter/nftables/match.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { CONNECTION_FAMILY } from "../../../src/netlink/conntrack/header.ts";
import { encodeConnection, readConnection } from "../../../src/netlink/conntrack/message.ts";
import { addBridge } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import type { Host } from "../../../src/steps/host.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { address, prefix } from "../../netlink/text.ts";

const CLIENT = "192.0.2.9";

let kernel: FakeKernel;
let host: Host;

/** A host with the address 192.0.2.1. */
beforeEach(() => {
  kernel = new FakeKernel();
  host = hostOn(kernel);
  addBridge(host.netlink, { name: "up0", up: true });
  addAddress(host.netlink, getLink(host.netlink, "up0"), { prefix: prefix("192.0.2.1/24") });
});

/** A connection of a client to `at`, port `port`, which `by` answers from `from`. */
function connection(
  id: number,
  at: string,
  reply: { port?: number; by?: string; from?: number; protocol?: number } = {},
) {
  const { port = 53, protocol = IPPROTO.UDP } = reply;
  const { by = at, from = port } = reply;
  const proto = { protocol, sourcePort: 4000, destinationPort: port };
  const attributes = {
    id,
    original: { ip: { source4: address(CLIENT), destination4: address(at) }, proto },
    reply: {
      ip: { source4: address(by), destination4: address(CLIENT) },
      proto: { protocol, sourcePort: from, destinationPort: 4000 },
    },
  };
  return readConnection({ payload: encodeConnection({ family: CONNECTION_FAMILY[4], attributes }) });
}

function redirect(parts: { protocol?: "tcp" | "udp"; hostIp?: string; hostPort?: number; to?: string } = {}): Redirect {
  const { protocol = "udp", hostIp, hostPort = 53, to = "10.88.0.2" } = parts;
  return {
    ...{ protocol, hostPort, toPort: 5353, to: address(to) },
    hostIp: hostIp === undefined ? undefined : address(hostIp),
  };
}

const gone = () => kernel.host.deletedConnections.map(({ message }) => message.attributes.id);
const listings = () => kernel.log.filter((line) => line.includes("list the tracked connections")).length;

describe("forgetBefore()", () => {
  test("deletes UDP connections to the host's port that lead elsewhere, and none to other hosts or ports", () => {
    kernel.host.connections = [
      connection(1, "192.0.2.1"),
      connection(2, "192.0.2.1", { by: "10.88.0.7", from: 5353 }),
      connection(3, "192.0.2.1", { by: "10.88.0.2", from: 5353 }),
      connection(4, "192.0.2.77"),
      connection(5, "192.0.2.1", { port: 54 }),
      connection(6, "192.0.2.1", { protocol: IPPROTO.TCP }),
    ];
    forgetBefore(host, [redirect({ protocol: "tcp", hostPort: 54 }), redirect()]);
    expect(gone()).toEqual([1, 2]);
  });

  test("deletes those to the mapping's own address alone, if it has one", () => {
    kernel.host.connections = [connection(1, "192.0.2.1"), connection(2, "192.0.2.2")];
    forgetBefore(host, [redirect({ hostIp: "192.0.2.2" })]);
    expect(gone()).toEqual([2]);
  });

  test("walks the kernel's table for each of up to four ports, and once for more", () => {
    const ports = (count: number) => Array.from({ length: count }, (_, index) => redirect({ hostPort: 53 + index }));
    kernel.host.connections = [connection(1, "192.0.2.1", { port: 55 }), connection(2, "192.0.2.1", { port: 99 })];
    forgetBefore(host, [...ports(4), ...ports(4)]);
    expect(listings()).toBe(4);
    forgetBefore(host, ports(5));
    expect(listings()).toBe(5);
    expect(gone()).toEqual([1]);
  });

  test("asks nothing where no mapping is of UDP, or the kernel tracks nothing", () => {
    const asked = kernel.requests;
    forgetBefore(host, [redirect({ protocol: "tcp" })]);
    vi.spyOn(kernel.host.sysctls, "read").mockReturnValue("0");
    forgetBefore(host, [redirect()]);
    expect(kernel.requests).toBe(asked);
  });
});

describe("forgetAfter()", () => {
  test("deletes UDP connections that lead to the container's port by the mapping, and no others", () => {
    kernel.host.connections = [
      connection(1, "192.0.2.1", { by: "10.88.0.2", from: 5353 }),
      connection(2, "192.0.2.1", { by: "10.88.0.2", from: 53 }),
      connection(3, "192.0.2.1", { by: "10.88.0.7", from: 5353 }),
      connection(4, "192.0.2.1", { by: "10.88.0.2", from: 5353, port: 54 }),
    ];
    forgetAfter(host, () => [redirect({ protocol: "tcp", hostPort: 54 }), redirect()], undefined);
    expect(gone()).toEqual([1]);
  });

  test("takes a connection that has ended meanwhile for deleted, and keeps other refusals", () => {
    kernel.host.connections = [connection(1, "192.0.2.1", { by: "10.88.0.2", from: 5353 })];
    kernel.refuse(2, 2);
    forgetAfter(host, () => [redirect()], undefined);
    kernel.refuse(2, 1);
    expect(() => forgetAfter(host, () => [redirect()], undefined)).toThrow();
  });

  test("looks for no mappings where the kernel tracks nothing, and for no connections where none is of UDP", () => {
    const find = vi.fn(() => [redirect({ protocol: "tcp" })]);
    forgetAfter(host, find, undefined);
    expect([find.mock.calls.length, listings()]).toEqual([1, 0]);
    vi.spyOn(kernel.host.sysctls, "read").mockReturnValue("0");
    forgetAfter(host, find, undefined);
    expect(find).toHaveBeenCalledTimes(1);
  });
});
