import { expect, it } from "vitest";
import { refuseOtherSettings } from "../../../plugins/ipvlan/siblings.ts";
import { addIfb } from "../../../src/netlink/link/add.ts";
import { addChild, IPVLAN_MODE } from "../../../src/netlink/link/child.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { findMaster } from "../../../src/steps/master.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { addMaster } from "../master.ts";

const L2 = { mode: IPVLAN_MODE.L2, flags: 0 };
const L3 = { mode: IPVLAN_MODE.L3, flags: 0 };
const PRIVATE = { mode: IPVLAN_MODE.L3, flags: 1 };

function stage() {
  const kernel = new FakeKernel();
  addMaster(kernel);
  const host = hostOn(kernel);
  const container = kernel.openContainer(kernel.addNamespace("container"));
  const master = findMaster(host, container, { master: "up0", linkInContainer: false });
  return { kernel, host, container, master };
}

it("refuseOtherSettings() wants the mode and flags that the master's ipvlans have, in whatever namespace they are", () => {
  const { host, container, master } = stage();
  for (const settings of [L2, L3]) refuseOtherSettings(host, { master, settings });
  const parent = master.link.index;
  addChild(host.netlink, { kind: "ipvlan", name: "eth0", settings: PRIVATE, parent, netns: container.netns });
  refuseOtherSettings(host, { master, settings: PRIVATE });
  const message = 'Cannot use mode l2 on master "up0": its ipvlan links have mode l3 with flags private';
  expect(() => refuseOtherSettings(host, { master, settings: L2 })).toThrow(
    expect.objectContaining({ code: 7, message }),
  );
  expect(() => refuseOtherSettings(host, { master, settings: L3 })).toThrow("Cannot use mode l3 on master");
});

it("refuseOtherSettings() leaves out ipvlans of another master that has the same number", () => {
  const { host, container, master } = stage();
  addIfb(container.netlink, { name: "net1" });
  const inside = getLink(container.netlink, "net1");
  expect(inside.index).toBe(master.link.index);
  addChild(container.netlink, { kind: "ipvlan", name: "eth0", settings: L3, parent: inside.index });
  refuseOtherSettings(host, { master, settings: L2 });
  const within = findMaster(host, container, { master: "net1", linkInContainer: true });
  expect(() => refuseOtherSettings(host, { master: within, settings: L2 })).toThrow(
    'Cannot use mode l2 on master "net1"',
  );
});

it("refuseOtherSettings() finds ipvlans in other namespaces whose kernel does not tell where their master is", () => {
  const { kernel, host, container, master } = stage();
  kernel.features.ipvlanNetns = false;
  const parent = master.link.index;
  addChild(host.netlink, { kind: "ipvlan", name: "eth0", settings: L3, parent, netns: container.netns });
  expect(() => refuseOtherSettings(host, { master, settings: L2 })).toThrow("its ipvlan links have mode l3");
});

it("refuseOtherSettings() looks at the host's own ipvlans first", () => {
  const { host, master } = stage();
  addChild(host.netlink, { kind: "ipvlan", name: "ipv0", settings: L3, parent: master.link.index });
  expect(() => refuseOtherSettings(host, { master, settings: L2 })).toThrow("its ipvlan links have mode l3");
});

it("refuseOtherSettings() leaves out ipvlans in other namespaces whose master is in a third one and has the same number", () => {
  const { kernel, host, container, master } = stage();
  const third = kernel.openContainer(kernel.addNamespace("third"));
  addIfb(third.netlink, { name: "net1" });
  const { index: parent } = getLink(third.netlink, "net1");
  expect(parent).toBe(master.link.index);
  addChild(third.netlink, { kind: "ipvlan", name: "eth0", settings: L3, parent, netns: container.netns });
  refuseOtherSettings(host, { master, settings: L2 });
  // The namespace has ipvlans of both.
  addChild(host.netlink, { kind: "ipvlan", name: "eth1", settings: L2, parent, netns: container.netns });
  refuseOtherSettings(host, { master, settings: L2 });
  expect(() => refuseOtherSettings(host, { master, settings: L3 })).toThrow("its ipvlan links have mode l2");
});
