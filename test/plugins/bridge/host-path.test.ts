import { describe, expect, test, vi } from "vitest";
import { checkPath } from "../../../plugins/bridge/host-path.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { RT_TABLE, RTN } from "../../../src/netlink/route/header.ts";
import { encodeRoute } from "../../../src/netlink/route/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { prefix } from "../../netlink/text.ts";

/** A host with two links, of which `other` has that address. */
function stage(other: string) {
  const kernel = new FakeKernel();
  const host = hostOn(kernel);
  for (const [name, address] of [
    ["br0", "fd00:1::1/64"],
    ["other", other],
  ] as const) {
    addBridge(host.netlink, { name, mac: `02:00:00:00:00:0${name.length}`, up: true });
    addAddress(host.netlink, getLink(host.netlink, name), { prefix: prefix(address), withoutDad: true });
  }
  const check = (address: string, ifname = "eth0") =>
    checkPath(host, getLink(host.netlink, "br0"), {
      ips: [{ address: prefix(address), gateway: prefix("fd00:1::1/64").address }],
      ifname,
    });
  /** As if the kernel had put no address into the table of local ones yet. */
  const forgetLocal = () => {
    kernel.host.routes = kernel.host.routes.filter(({ table }) => table !== RT_TABLE.LOCAL);
  };
  return { check, forgetLocal, kernel, host };
}

describe("checkPath()", () => {
  test("finds nothing where the host reaches the address through the link, or is the container", () => {
    const { check } = stage("fd00:2::1/64");
    expect([...check("fd00:1::2/64"), ...check("fd00:2::1/64", "other")]).toEqual([]);
  });

  test("says that the host has the address itself, also before the kernel has a local route to it", () => {
    const { check, forgetLocal } = stage("fd00:2::2/64");
    const lines = ['The host itself has fd00:2::2, on link "other": give the network another subnet'];
    expect(check("fd00:2::2/64")).toEqual(lines);
    forgetLocal();
    expect(check("fd00:2::2/64")).toEqual(lines);
    expect(check("fd00:2::2/64", "other")).toEqual([]);
    expect(check("fd00:2::3/64")).toEqual([
      'The host reaches fd00:2::3 through link "other", expected link "br0": both have its network, give each one of its own',
    ]);
  });

  test("says that the link has no address where only a wider route is left", () => {
    const { check } = stage("fd00::1/32");
    expect(check("fd00:0:3::3/64")).toEqual([
      'The host reaches fd00:0:3::3 through link "other", expected link "br0": that is its route to fd00::/32, and "br0" has no address for it',
    ]);
  });

  test("says that a narrower route takes the packets, or that the link has lost its own", () => {
    const { check, kernel, host } = stage("fd00:2::1/64");
    const found = 'The host reaches fd00:1::2 through link "other", expected link "br0": that is its route to';
    const link = getLink(host.netlink, "other");
    addRoute(host.netlink, link, { destination: prefix("fd00:1::/96") });
    expect(check("fd00:1::2/64")).toEqual([`${found} fd00:1::/96`]);
    kernel.host.routes = kernel.host.routes.filter(
      ({ destination }) => !formatPrefix(destination).startsWith("fd00:1::/"),
    );
    addRoute(host.netlink, link, { destination: prefix("::/0") });
    expect(check("fd00:1::2/64")).toEqual([`${found} ::/0, because "br0" has lost its route to fd00:1::/64`]);
  });

  test("says which table a policy rule leads to", () => {
    const { check, host } = stage("fd00:2::1/64");
    const { address, length: destinationLength } = prefix("fd00:1::/48");
    const payload = encodeRoute({
      header: { family: 10, destinationLength, table: 100, type: RTN.UNICAST },
      attributes: { destination: address, index: getLink(host.netlink, "other").index, table: 100 },
    });
    const { request } = host.netlink;
    vi.spyOn(host.netlink, "request").mockImplementation((asked) =>
      asked.type === RTM.GETROUTE ? [{ type: 0, flags: 0, sequence: 0, port: 0, payload }] : request(asked),
    );
    expect(check("fd00:1::2/64")).toEqual([
      'The host reaches fd00:1::2 through link "other", expected link "br0": that is its route to fd00:1::/48 of table 100, to which a rule of "ip rule" leads',
    ]);
  });

  test("leaves out an address without a gateway, which is not routed through the host", () => {
    const { host } = stage("fd00:2::1/64");
    const ips = [{ address: prefix("fd00:2::3/64") }];
    expect(checkPath(host, getLink(host.netlink, "br0"), { ips, ifname: "eth0" })).toEqual([]);
  });

  test("says that there is no route", () => {
    expect(stage("fd00:2::1/64").check("fd00:3::1/64")).toEqual([
      'The host has no route to fd00:3::1, expected link "br0"',
    ]);
  });
});
