import { expect, it } from "vitest";
import { plugin } from "../../../plugins/vlan/main.ts";
import { removeUnusedVlans } from "../../../plugins/vlan/shared-vlan.ts";
import { createRequest, type Request } from "../../../src/cni/request.ts";
import { addIfb } from "../../../src/netlink/link/add.ts";
import { addChild } from "../../../src/netlink/link/child.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import type { LinkUse } from "../../../src/steps/host-lock.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { addMaster } from "../master.ts";
import { leased } from "../verb-cases.ts";

const fields = { master: "up0", vlanId: 100, shared: true, ipam: { type: "fixed" } };

function stage() {
  const kernel = new FakeKernel();
  addMaster(kernel);
  const containers = new Map(["c1", "c2"].map((id) => [id, kernel.addNamespace(id)]));
  const locks: LinkUse[] = [];
  const delegate = () => ({ begin: () => {}, abandon: () => false, result: () => leased, done: () => {} });
  const withVlans = <T>(use: LinkUse, act: () => T) => {
    locks.push(use);
    return act();
  };
  const host = () => hostOn(kernel, { delegate, withVlans });
  const call = (command: Request["command"], id: string, more: object = {}) => {
    const json = { cniVersion: "1.1.0", name: "net1", type: "vlan", ...fields, ...more };
    const request = createRequest(command, {
      network: { name: "net1", json },
      version: "1.1.0",
      stdin: new Uint8Array(),
      environment: { CNI_CONTAINERID: id, CNI_IFNAME: "eth0", CNI_NETNS: `/run/netns/${id}` },
      log: () => {},
    });
    if (command === "ADD") plugin.add(request, host());
    else if (command === "DEL") plugin.del(request, host());
    else plugin.gc?.(request, host());
  };
  const links = () => [...kernel.host.links.values()].map(({ name }) => name).filter((name) => name !== "lo");
  const inside = (id: string) =>
    [...(containers.get(id)?.links.values() ?? [])].map(({ name, kind }) => `${name} ${kind}`);
  return { kernel, call, links, inside, locks, host };
}

it("ADD gives each container a macvlan on one link in the VLAN, which goes with the last one", () => {
  const { call, links, inside, locks } = stage();
  call("ADD", "c1");
  call("ADD", "c2");
  expect([links(), inside("c1"), inside("c2")]).toEqual([
    ["up0", "up0.100"],
    ["lo ", "eth0 macvlan"],
    ["lo ", "eth0 macvlan"],
  ]);
  call("DEL", "c1");
  expect([links(), inside("c1")]).toEqual([["up0", "up0.100"], ["lo "]]);
  for (let count = 0; count < 2; count++) call("DEL", "c2");
  expect([links(), locks]).toEqual([["up0"], ["used", "used", "withdrawn", "withdrawn"]]);
});

it("ADD refuses a VLAN that somebody else has, and leaves their link", () => {
  const { kernel, call, links, inside, host } = stage();
  const { netlink } = host();
  addChild(netlink, { kind: "vlan", name: "mine", settings: { id: 100 }, parent: getLink(netlink, "up0").index });
  expect(() => call("ADD", "c1")).toThrow('Cannot use VLAN 100 of "up0": link "mine" of the host has it already');
  call("DEL", "c1");
  expect([links(), inside("c1")]).toEqual([["up0", "mine"], ["lo "]]);
  expect(kernel.host.links.size).toBe(3);
});

it("ADD names the link otherwise where its name is taken, and takes over what a killed call left", () => {
  const { call, links, host } = stage();
  const { netlink } = host();
  const parent = getLink(netlink, "up0").index;
  addChild(netlink, { kind: "vlan", name: "up0.100", settings: { id: 7 }, parent });
  call("ADD", "c1");
  const [, , made = ""] = links();
  expect(made).toMatch(/^vlan[0-9a-f]{8}$/);
  // Neither its alias nor the macvlan that asks whether it is in use.
  setLink(netlink, getLink(netlink, made), { alias: "", group: 0x434e4953 });
  addChild(netlink, {
    kind: "macvlan",
    name: "cni-vlan-unused",
    settings: { mode: 4 },
    parent: getLink(netlink, made).index,
  });
  call("ADD", "c2");
  expect([links(), getLink(netlink, made).alias]).toEqual([["up0", "up0.100", made], "made by the CNI plugin vlan"]);
});

it("GC deletes links that no container uses any more, and no others", () => {
  const { kernel, call, links, host } = stage();
  call("ADD", "c1");
  call("ADD", "c2", { vlanId: 101 });
  const inside = kernel.openRoute(kernel.namespaceAt("/run/netns/c1"));
  deleteLink(inside, getLink(inside, "eth0"));
  call("GC", "", { "cni.dev/valid-attachments": [] });
  expect(links()).toEqual(["up0", "up0.101"]);
  const { netlink } = host();
  setLink(netlink, getLink(netlink, "up0.101"), { alias: "mine" });
  call("DEL", "c2", { vlanId: 101 });
  expect(links()).toEqual(["up0", "up0.101"]);
});

it("removeUnusedVlans() takes no lock where nothing is this plugin's", () => {
  const { host, locks } = stage();
  removeUnusedVlans(host(), host().netlink);
  expect(locks).toEqual([]);
});

it("linkInContainer puts both links into the container, and DEL deletes both", () => {
  const { call, links, inside, kernel } = stage();
  const netlink = kernel.openRoute(kernel.namespaceAt("/run/netns/c1"));
  addIfb(netlink, { name: "net1", up: true });
  call("ADD", "c1", { master: "net1", linkInContainer: true });
  expect([links(), inside("c1")]).toEqual([["up0"], ["lo ", "net1 ifb", "net1.100 vlan", "eth0 macvlan"]]);
  call("DEL", "c1", { master: "net1", linkInContainer: true });
  expect(inside("c1")).toEqual(["lo ", "net1 ifb"]);
});
