import { describe, expect, test } from "vitest";
import { ensureGatewayAddresses } from "../../../plugins/bridge/gateway-address.ts";
import { CniError } from "../../../src/cni/error.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { ownerComment } from "../../../src/netfilter/owner.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { deleteAddress } from "../../../src/netlink/address/delete.ts";
import { listAddresses } from "../../../src/netlink/address/list.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { listPorts } from "../../../src/netlink/link/list.ts";
import type { Link } from "../../../src/netlink/link/message.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import type { Host } from "../../../src/steps/host.ts";
import type { Defer } from "../../../src/steps/undo.ts";
import { failEach } from "../../kernel/failures.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { prefix } from "../../netlink/text.ts";

const ADDRESSES = ["10.88.0.1/16", "fd00:88::1/64"].map(prefix);

function stage() {
  const kernel = new FakeKernel();
  const host = hostOn(kernel);
  addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:01", up: true });
  return { kernel, host };
}

function ensure(
  host: Host,
  {
    addresses = ADDRESSES,
    force = false,
    others = [],
  }: { addresses?: typeof ADDRESSES; force?: boolean; others?: readonly Link[] },
  defer: Defer = () => {},
): readonly string[] {
  const gateway = { link: getLink(host.netlink, "br0"), listOthers: () => others };
  return ensureGatewayAddresses(host, gateway, { addresses, force }, defer).map(formatPrefix);
}

/** The addresses of the bridge but for that which it gives itself. */
function present(host: Host): readonly string[] {
  const found = listAddresses(host.netlink, getLink(host.netlink, "br0"));
  return found.filter(({ scope }) => scope === 0).map(({ prefix: each }) => formatPrefix(each));
}

/** Collects what is deferred, to be run as a failing call would. */
function deferred() {
  const reversals: (() => unknown)[] = [];
  const undo = () => {
    for (const reversal of reversals.reverse()) reversal();
  };
  return { defer: (reversal: () => unknown) => void reversals.push(reversal), undo };
}

describe("ensureGatewayAddresses()", () => {
  test("adds what is missing, usable at once, and returns that", () => {
    const { kernel, host } = stage();
    expect(ensure(host, {})).toEqual(["10.88.0.1/16", "fd00:88::1/64"]);
    expect(kernel.snapshot()["host"]?.addresses.filter((each) => each.startsWith("br0"))).toEqual([
      "br0: 10.88.0.1/16 broadcast 10.88.255.255",
      "br0: fd00:88::1/64 nodad",
      "br0: fe80::ff:fe00:1/64 nodad",
    ]);
    expect(ensure(host, {})).toEqual([]);
  });

  test("pins the MAC of a gateway that is given its first address", () => {
    const { host } = stage();
    addBridge(host.netlink, { name: "br1", up: true });
    const mac = "02:00:00:00:00:50";
    addVeth(host.netlink, { name: "port0", mac, master: getLink(host.netlink, "br1").index, peer: { name: "p0" } });
    const gateway = { link: getLink(host.netlink, "br1"), listOthers: () => [] };
    ensureGatewayAddresses(host, gateway, { addresses: ADDRESSES, force: false }, () => {});
    const lower = "02:00:00:00:00:02";
    addVeth(host.netlink, {
      name: "port1",
      mac: lower,
      master: getLink(host.netlink, "br1").index,
      peer: { name: "p1" },
    });
    expect(getLink(host.netlink, "br1").mac).toBe(mac);
  });

  test("has the link-local address at once, which the kernel would still be looking for duplicates of", () => {
    const { kernel, host } = stage();
    const port = { name: "port0", master: getLink(host.netlink, "br0").index, up: true, peer: { name: "p0" } };
    addVeth(host.netlink, port);
    const peer = kernel.host.links.get(getLink(host.netlink, "p0").index);
    if (peer !== undefined) peer.flags |= 1;
    ensure(host, {});
    const own = listAddresses(host.netlink, getLink(host.netlink, "br0"), 6).filter(({ scope }) => scope === 253);
    expect(own.map(({ tentative }) => tentative)).toEqual([false]);
  });

  test("IPv4 alone leaves the link-local address to the kernel", () => {
    const { kernel, host } = stage();
    ensure(host, { addresses: ADDRESSES.slice(0, 1) });
    expect(kernel.log.filter((line) => line.includes("fe80"))).toEqual([]);
  });

  test("refuses another address of its family or an overlapping one, unless it is told to replace it", () => {
    const { host } = stage();
    addAddress(host.netlink, getLink(host.netlink, "br0"), { prefix: prefix("10.99.0.1/24") });
    expect(() => ensure(host, {})).toThrow('"br0" already has an IP address different from 10.88.0.1/16');
    expect(ensure(host, { force: true })).toEqual(["10.88.0.1/16", "fd00:88::1/64"]);
    expect(present(host)).toEqual(["10.88.0.1/16", "fd00:88::1/64"]);
  });

  test("names every address in the way, and whose ports would be cut off", () => {
    const detailsOf = (host: Host) => {
      try {
        ensure(host, { others: listPorts(host.netlink, getLink(host.netlink, "br0")) });
        return undefined;
      } catch (error) {
        return error instanceof CniError ? error.details : error;
      }
    };
    const { host } = stage();
    const link = getLink(host.netlink, "br0");
    for (const each of ["10.99.0.1/24", "10.98.0.1/24"]) addAddress(host.netlink, link, { prefix: prefix(each) });
    expect(detailsOf(host)).toBe("found 10.99.0.1/24, 10.98.0.1/24; set forceAddress to replace it");
    addVeth(host.netlink, { name: "port0", master: link.index, peer: { name: "p0" } });
    const advice = "give each network a bridge of its own; forceAddress would cut them off";
    expect(detailsOf(host)).toBe(`found 10.99.0.1/24, 10.98.0.1/24 and 1 port: ${advice}`);
    const alias = ownerComment({ network: "apps", containerId: "c1", ifname: "eth0" });
    setLink(host.netlink, getLink(host.netlink, "port0"), { alias });
    expect(detailsOf(host)).toBe(`found 10.99.0.1/24, 10.98.0.1/24 and 1 port of network "apps": ${advice}`);
    for (const [name, network] of [
      ["port1", "apps"],
      ["port2", "web"],
    ] as const) {
      addVeth(host.netlink, { name, master: link.index, peer: { name: `${name}p` } });
      const other = ownerComment({ network, containerId: "c2", ifname: "eth0" });
      setLink(host.netlink, getLink(host.netlink, name), { alias: other });
    }
    expect(detailsOf(host)).toBe(`found 10.99.0.1/24, 10.98.0.1/24 and 3 ports of network "apps", "web": ${advice}`);
  });

  test("IPv6: leaves what does not overlap, and refuses what does, whichever is the larger", () => {
    for (const [there, isFine] of [
      ["fd00:99::1/64", true],
      ["fd00:88::7/48", false],
      ["fd00:88::7/80", false],
    ] as const) {
      const { host } = stage();
      addAddress(host.netlink, getLink(host.netlink, "br0"), { prefix: prefix(there), withoutDad: true });
      const act = () => ensure(host, {});
      if (isFine) expect(act()).toHaveLength(2);
      else expect(act).toThrow("already has an IP address different from fd00:88::1/64");
    }
  });

  test("takes several of its own for none in the way of another", () => {
    const { host } = stage();
    const addresses = ["10.88.0.1/16", "10.89.0.1/16"].map(prefix);
    expect(ensure(host, { addresses })).toEqual(["10.88.0.1/16", "10.89.0.1/16"]);
  });

  test("turns IPv6 on where the host has it off on its own links", () => {
    const { kernel, host } = stage();
    kernel.host.sysctls.write("net/ipv6/conf/br0/disable_ipv6", "1");
    expect(ensure(host, {})).toHaveLength(2);
    expect(kernel.host.sysctls.read("net/ipv6/conf/br0/disable_ipv6")).toBe("0");
  });

  test("takes an address that another call adds at the same moment for that call's", () => {
    const { kernel, host } = stage();
    kernel.refuse(3, 17);
    expect(ensure(host, { addresses: ADDRESSES.slice(0, 1) })).toEqual([]);
  });

  test("leaves nothing behind, whichever of its requests fails", () => {
    // What the gateway has on its link stays: it is its own.
    const arrange = () => {
      const on = stage();
      addAddress(on.host.netlink, getLink(on.host.netlink, "br0"), { prefix: prefix("10.99.0.1/24") });
      return on;
    };
    const act = ({ host }: ReturnType<typeof stage>, defer: Defer) => ensure(host, { force: true }, defer);
    expect(failEach(arrange, act, ({ host }) => present(host))).toBe(9);
  });

  test("gives back what it replaced and takes back what it added, when the call fails later", () => {
    const { host } = stage();
    addAddress(host.netlink, getLink(host.netlink, "br0"), { prefix: prefix("10.99.0.1/24") });
    const { defer, undo } = deferred();
    ensure(host, { force: true }, defer);
    undo();
    expect(present(host)).toEqual(["10.99.0.1/24"]);
  });

  test("does not take back an address that has come to be used", () => {
    const { host } = stage();
    const { defer, undo } = deferred();
    ensure(host, { others: [getLink(host.netlink, "br0")] }, defer);
    undo();
    expect(present(host)).toEqual(["10.88.0.1/16", "fd00:88::1/64"]);
  });

  test("does not take back an address that was there before, or that another call added", () => {
    const { kernel, host } = stage();
    ensure(host, {});
    const { defer, undo } = deferred();
    ensure(host, {}, defer);
    undo();
    expect(present(host)).toEqual(["10.88.0.1/16", "fd00:88::1/64"]);
    deleteAddress(host.netlink, getLink(host.netlink, "br0"), prefix("10.88.0.1/16"));
    kernel.refuse(3, 17);
    const other = deferred();
    ensure(host, { addresses: ADDRESSES.slice(0, 1) }, other.defer);
    addAddress(host.netlink, getLink(host.netlink, "br0"), { prefix: prefix("10.88.0.1/16") });
    other.undo();
    expect(present(host)).toContain("10.88.0.1/16");
  });

  test("bears that what it is to take back is gone", () => {
    const { host } = stage();
    const { defer, undo } = deferred();
    ensure(host, {}, defer);
    for (const each of ADDRESSES) deleteAddress(host.netlink, getLink(host.netlink, "br0"), each);
    expect(undo).not.toThrow();
  });
});
