import { describe, expect, test } from "vitest";
import { plugin } from "../../../plugins/bridge/main.ts";
import type { Delegation } from "../../../src/cni/delegate.ts";
import type { Rebuilding } from "../../../src/cni/rebuilding.ts";
import type { Result } from "../../../src/cni/result.ts";
import { deleteTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { OWN_TABLES } from "../../../src/netfilter/tables.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { listPorts } from "../../../src/netlink/link/list.ts";
import { setLink, setPort } from "../../../src/netlink/link/set.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { leased, requestOf } from "../verb-cases.ts";

const FIELDS = {
  bridge: "cni0",
  isGateway: true,
  ipMasq: true,
  mtu: 1400,
  vlan: 100,
  hairpinMode: true,
  portIsolation: true,
  macspoofchk: true,
  removeEmptyBridge: true,
  ipam: { type: "fixed" },
};

const ipam = (): Delegation => ({ begin: () => {}, abandon: () => false, result: () => leased, done: () => {} });

/** A container on a bridge. */
function stage(fields: object = FIELDS) {
  const kernel = new FakeKernel();
  kernel.addNamespace("container", { up: true });
  const which = { plugin, fields };
  const given: Result = plugin.add(requestOf("ADD", which), hostOn(kernel, { delegate: ipam }));
  const host = hostOn(kernel);
  const reapply = (result = given): Rebuilding | undefined =>
    plugin.reapply?.(requestOf("CHECK", which, { given: result }), hostOn(kernel));
  const check = () => plugin.check(requestOf("CHECK", which, { given }), hostOn(kernel, { delegate: ipam }));
  const withdraw = () => plugin.withdraw?.(requestOf("DEL", which, { given }), hostOn(kernel));
  const [port] = listPorts(host.netlink, getLink(host.netlink, "cni0")).filter(({ alias }) =>
    alias.includes("if: eth0"),
  );
  if (port === undefined) throw new Error("ADD made no port");
  return { kernel, host, given, port, reapply, check, withdraw };
}

/** What failed, also if it was thrown. */
function attempt(reapply: () => Rebuilding | undefined): readonly string[] {
  try {
    return reapply()?.failed ?? [];
  } catch (error) {
    return [String(error)];
  }
}

describe("reapply of bridge", () => {
  test("finds nothing to do after ADD", () => {
    expect(stage().reapply()).toEqual({ rebuilt: [], failed: [] });
  });

  test("builds a deleted bridge again, with its MAC and MTU, and the port with VLAN, hairpin mode and isolation", () => {
    const { host, port, reapply, check } = stage();
    const before = getLink(host.netlink, "cni0");
    deleteLink(host.netlink, before);
    expect(reapply()).toMatchObject({ failed: [], rebuilt: expect.arrayContaining(["bridge", "port"]) });
    const { mac, mtu, alias, up, bridge } = getLink(host.netlink, "cni0");
    expect({ mac, mtu, alias, up }).toEqual({ mac: before.mac, mtu: before.mtu, alias: before.alias, up: before.up });
    expect(bridge?.vlanFiltering).toBe(1);
    expect(getLink(host.netlink, port.index).port).toMatchObject({ hairpin: 1, isolated: 1 });
    check();
    expect(reapply()).toEqual({ rebuilt: [], failed: [] });
  });

  test.each([
    {},
    { isGateway: true },
    { ipam: undefined, disableContainerInterface: true },
    { promiscMode: true },
    { portIsolation: true },
    { hairpinMode: true },
    { spoofchk: "strict" },
  ])("builds a deleted bridge again as ADD made it: %j", (fields) => {
    const { kernel, host, reapply, check } = stage({ bridge: "cni0", ipam: { type: "fixed" }, ...fields });
    // The new bridge has another index.
    const links = () =>
      kernel
        .snapshot()
        ["host"]?.links.map((line) => line.replace(/^\d+/, ""))
        .sort();
    const before = links();
    expect(reapply()).toEqual({ rebuilt: [], failed: [] });
    deleteLink(host.netlink, getLink(host.netlink, "cni0"));
    expect(reapply()).toMatchObject({ rebuilt: expect.arrayContaining(["bridge", "port"]), failed: [] });
    expect(links()).toEqual(before);
    check();
    expect(reapply()).toEqual({ rebuilt: [], failed: [] });
  });

  test("gives the bridge the configured MTU where the result, as before 1.0.0, has none", () => {
    const { host, given, reapply } = stage();
    deleteLink(host.netlink, getLink(host.netlink, "cni0"));
    reapply({ ...given, interfaces: given.interfaces.map(({ mtu: _, ...each }) => each) });
    expect(getLink(host.netlink, "cni0").mtu).toBe(1400);
  });

  test("says whichever of its requests fails, and does all the rest when it is called again", () => {
    for (let n = 1; ; n++) {
      const { kernel, host, reapply, check } = stage();
      deleteLink(host.netlink, getLink(host.netlink, "cni0"));
      const from = kernel.requests;
      kernel.refuse(n);
      const failed = attempt(reapply);
      if (kernel.requests < from + n) break;
      const asked = kernel.log[from + n - 1];
      kernel.heal();
      expect({ asked, failed: failed.length > 0, again: reapply()?.failed }).toEqual({
        asked,
        failed: true,
        again: [],
      });
      check();
    }
  }, 300_000);

  test("brings back a port that was taken off the bridge", () => {
    const { host, port, reapply, check } = stage();
    setLink(host.netlink, port, { master: 0 });
    expect(check).toThrow("is not a port of bridge");
    expect(reapply()).toEqual({ rebuilt: ["port"], failed: [] });
    check();
  });

  test("brings up a port that somebody took down, and restores hairpin mode and isolation", () => {
    const { host, port, reapply, check } = stage();
    setLink(host.netlink, port, { up: false });
    setPort(host.netlink, port, { hairpin: false, isolated: false });
    expect(check).toThrow(`Port "${port.name}" is down, expected up`);
    expect(reapply()).toEqual({ rebuilt: ["port settings"], failed: [] });
    check();
    expect(reapply()).toEqual({ rebuilt: [], failed: [] });
  });

  test("turns promiscuous mode on again", () => {
    const { host, reapply } = stage({ ...FIELDS, vlan: 0, hairpinMode: false, promiscMode: true });
    setLink(host.netlink, getLink(host.netlink, "cni0"), { promiscuous: false });
    expect(reapply()).toEqual({ rebuilt: ["bridge up"], failed: [] });
    expect(getLink(host.netlink, "cni0").promiscuous).toBe(true);
  });

  test("brings up a bridge that is down, and leaves it as quiet as it was", () => {
    const { host, reapply } = stage();
    setLink(host.netlink, getLink(host.netlink, "cni0"), { up: false });
    expect(reapply()).toEqual({ rebuilt: ["bridge up"], failed: [] });
    expect(getLink(host.netlink, "cni0")).toMatchObject({ up: true, promiscuous: false });
  });

  test.each([
    [100, "cni0.100"],
    [0, "cni0"],
  ])("turns on forwarding of the gateway in VLAN %i, and of the host", (vlan, gateway) => {
    const { kernel, reapply } = stage({ ...FIELDS, vlan });
    for (const name of [`net/ipv4/conf/${gateway}/forwarding`, "net/ipv6/conf/all/forwarding"]) {
      kernel.host.sysctls.write(name, "0");
      expect(reapply()).toEqual({ rebuilt: ["forwarding"], failed: [] });
      expect(kernel.host.sysctls.read(name)).toBe("1");
    }
  });

  test("leaves a port down whose spoof checks it cannot set up", () => {
    const { kernel, host, port, reapply } = stage();
    setLink(host.netlink, port, { up: false });
    const { family, table } = OWN_TABLES.spoofCheck;
    applyTransaction(kernel.openNetfilter(), [deleteTable({ family, name: table })], { action: "flush the rules" });
    kernel.features.bridgeRules = false;
    expect(reapply()?.failed).toEqual([
      expect.stringContaining("spoof checks: "),
      expect.stringContaining("port settings: "),
    ]);
    expect(getLink(host.netlink, port.index).up).toBe(false);
  });

  test("leaves a port where it is that somebody moved to another bridge", () => {
    const { host, port, reapply } = stage();
    addBridge(host.netlink, { name: "br1", mac: "02:00:00:00:00:07", up: true });
    const { index: master } = getLink(host.netlink, "br1");
    setLink(host.netlink, port, { master });
    const message = `its port "${port.name}" is on another bridge`;
    expect(reapply).toThrow(message);
    deleteLink(host.netlink, getLink(host.netlink, "cni0"));
    expect(reapply).toThrow(message);
    expect(findLink(host.netlink, "cni0")).toBeUndefined();
    expect(getLink(host.netlink, port.index).master).toBe(master);
  });

  test("says that something else has the bridge's name", () => {
    const { host, reapply } = stage();
    deleteLink(host.netlink, getLink(host.netlink, "cni0"));
    addVeth(host.netlink, { name: "cni0", peer: { name: "peer" } });
    expect(reapply).toThrow('Cannot rebuild the attachment: "cni0" is not a bridge: start the container again');
  });

  test("leaves a port that another attachment may own by now", () => {
    const { host, port, reapply } = stage();
    setLink(host.netlink, port, { master: 0, alias: "somebody" });
    expect(reapply).toThrow(`the alias of port "${port.name}" does not name it`);
    deleteLink(host.netlink, getLink(host.netlink, "cni0"));
    expect(reapply).toThrow(`the alias of port "${port.name}" does not name it`);
  });

  test("withdraw deletes the elements that were rebuilt after DEL, and the empty bridge", () => {
    const { kernel, host, port, reapply, withdraw } = stage({ ...FIELDS, vlan: 0 });
    deleteLink(host.netlink, getLink(host.netlink, "cni0"));
    reapply();
    deleteLink(host.netlink, port);
    withdraw();
    const { links = [], rules = [] } = kernel.snapshot()["host"] ?? {};
    expect(rules.filter((line) => line.includes(" element "))).toEqual([]);
    expect(links.filter((line) => line.includes("cni0"))).toEqual([]);
  });
});
