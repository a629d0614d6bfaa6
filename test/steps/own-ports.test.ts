import { describe, expect, test } from "vitest";
import { selectOwner, selectStale } from "../../src/netfilter/owner.ts";
import { addBridge, addVeth } from "../../src/netlink/link/add.ts";
import { findLink, getLink } from "../../src/netlink/link/get.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { deletePorts, isOthersPort, listOwnPorts } from "../../src/steps/own-ports.ts";
import { claimOf, listOwned, ownership } from "../../src/steps/owned-links.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { hostOn } from "../kernel/host.ts";
import { addRequest } from "../plugins/request.ts";

const one = { network: "net1", ifname: "eth0", containerId: "one" };
const two = { ...one, containerId: "two" };
const elsewhere = { ...one, network: "net2" };

/** A host with a port of each attachment, one port that a killed call left, and one without an owner. */
function stage() {
  const kernel = new FakeKernel();
  const host = hostOn(kernel);
  addBridge(host.netlink, { name: "br0", up: true });
  const master = getLink(host.netlink, "br0").index;
  for (const [name, owner] of [
    ["one", one],
    ["two", two],
    ["elsewhere", elsewhere],
  ] as const) {
    addVeth(host.netlink, { name, master, mac: `02:00:00:00:00:1${name.length}`, peer: { name: `${name}p` } });
    setLink(host.netlink, getLink(host.netlink, name), ownership(owner));
  }
  addVeth(host.netlink, { name: "left", group: claimOf(one), peer: { name: "leftp" } });
  addVeth(host.netlink, { name: "nobodys", peer: { name: "nobodysp" } });
  return { kernel, host };
}

describe("listOwnPorts()", () => {
  test("finds an attachment's, by alias or by the group that a killed call left, in one question", () => {
    const { kernel, host } = stage();
    const asked = kernel.requests;
    expect(listOwnPorts(host, selectOwner(one)).map(({ name }) => name)).toEqual(["one", "left"]);
    expect(kernel.requests).toBe(asked + 1);
    expect(listOwnPorts(host, selectOwner({ ...one, ifname: "eth1" }))).toEqual([]);
  });

  test("finds a network's but for those that are still valid", () => {
    const { host } = stage();
    const names = (valid: readonly (typeof one)[]) =>
      listOwnPorts(host, selectStale("net1", valid)).map(({ name }) => name);
    expect(names([])).toEqual(["one", "two", "left"]);
    expect(names([one])).toEqual(["two"]);
    expect(names([one, two])).toEqual([]);
  });

  test("finds no link of another kind", () => {
    const { host } = stage();
    setLink(host.netlink, getLink(host.netlink, "br0"), ownership(one));
    expect(listOwned(host, "ifb", selectOwner(one))).toEqual([]);
  });
});

describe("deletePorts()", () => {
  test("deletes both ends, and keeps the MAC of their bridge", () => {
    const { host } = stage();
    const { mac } = getLink(host.netlink, "br0");
    deletePorts(host, listOwnPorts(host, selectStale("net1", [])));
    expect(["one", "onep", "two", "left"].map((name) => findLink(host.netlink, name))).toEqual(
      Array(4).fill(undefined),
    );
    expect(["elsewhere", "nobodys"].map((name) => findLink(host.netlink, name)?.name)).toEqual([
      "elsewhere",
      "nobodys",
    ]);
    expect(getLink(host.netlink, "br0").mac).toBe(mac);
  });

  test("tries all before it throws what failed", () => {
    const { kernel, host } = stage();
    const ports = listOwnPorts(host, selectStale("net1", []));
    kernel.refuse(1, 1);
    expect(() => deletePorts(host, ports)).toThrow("Operation not permitted");
    expect(["one", "two", "left"].map((name) => findLink(host.netlink, name)?.name)).toEqual([
      "one",
      undefined,
      undefined,
    ]);
  });
});

describe("isOthersPort()", () => {
  const request = (...names: readonly string[]) => {
    const interfaces = [...names.map((name) => ({ name })), { name: "eth0", sandbox: "/run/netns/one" }];
    return addRequest({
      cniVersion: "1.1.0",
      name: "net1",
      type: "bridge",
      prevResult: { cniVersion: "1.1.0", interfaces },
    });
  };
  const port = (name: string, alias = "") => ({ ...getLink(stage().host.netlink, "nobodys"), name, alias });

  test("is one that says whose it is, or that the result does not name", () => {
    expect(isOthersPort(request("mine"), port("mine"))).toBe(false);
    expect(isOthersPort(request("mine"), port("mine", ownership(two).alias))).toBe(true);
    expect(isOthersPort(request("mine"), port("another"))).toBe(true);
    expect(isOthersPort(request(), port("another"))).toBe(false);
    expect(isOthersPort({ prevResult: undefined }, port("another"))).toBe(false);
  });

  test("goes without a result that cannot be read", () => {
    const unreadable = addRequest({ cniVersion: "1.1.0", name: "net1", type: "bridge", prevResult: { ips: 7 } });
    expect(isOthersPort(unreadable, port("another"))).toBe(false);
  });
});
