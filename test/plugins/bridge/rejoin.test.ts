import { describe, expect, test } from "vitest";
import { plugin } from "../../../plugins/bridge/main.ts";
import type { Delegation } from "../../../src/cni/delegate.ts";
import type { Rebuilding } from "../../../src/cni/rebuilding.ts";
import type { Result } from "../../../src/cni/result.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
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
  const reapply = (): Rebuilding | undefined => plugin.reapply?.(requestOf("CHECK", which, { given }), hostOn(kernel));
  const check = () => plugin.check(requestOf("CHECK", which, { given }), hostOn(kernel, { delegate: ipam }));
  const withdraw = () => plugin.withdraw?.(requestOf("DEL", which, { given }), hostOn(kernel));
  const [port] = listPorts(host.netlink, getLink(host.netlink, "cni0")).filter(({ alias }) =>
    alias.includes("if: eth0"),
  );
  if (port === undefined) throw new Error("ADD made no port");
  return { kernel, host, port, reapply, check, withdraw };
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

  test("leaves a port that another attachment may own by now, and one on another bridge", () => {
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
