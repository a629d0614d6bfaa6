import { expect, it } from "vitest";
import { explainTaken } from "../../../plugins/vlan/taken.ts";
import { ownerComment } from "../../../src/netfilter/owner.ts";
import { addChild } from "../../../src/netlink/link/child.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { findMaster } from "../../../src/steps/master.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { addMaster } from "../master.ts";

function stage() {
  const kernel = new FakeKernel();
  addMaster(kernel);
  const host = hostOn(kernel);
  const { netns, netlink } = kernel.openContainer(kernel.addNamespace("container"));
  const master = findMaster(host, undefined, { master: "up0", linkInContainer: false });
  const vlan = (name: string, id: number) =>
    ({ kind: "vlan", name, settings: { id }, parent: master.link.index }) as const;
  const explain = (id: number) => explainTaken(host, { master, id }, () => addChild(host.netlink, vlan("new0", id)));
  return { host, netns, netlink, master, vlan, explain };
}

it("explainTaken() names the link of the host that has the VLAN", () => {
  const { host, vlan, explain } = stage();
  addChild(host.netlink, vlan("up0.7", 7));
  addChild(host.netlink, vlan("up0.100", 100));
  const message = 'Cannot use VLAN 100 of "up0": link "up0.100" of the host has it already';
  expect(() => explain(100)).toThrow(expect.objectContaining({ code: 107, message }));
});

it("explainTaken() names the container that has the VLAN, by the alias of its link", () => {
  const { host, netns, netlink, vlan, explain } = stage();
  addChild(host.netlink, { ...vlan("eth1", 101), netns });
  addChild(host.netlink, { ...vlan("eth0", 100), netns });
  const { index } = getLink(netlink, "eth0");
  expect(() => explain(100)).toThrow(
    'Cannot use VLAN 100 of "up0": link "eth0" in another network namespace has it already',
  );
  const alias = ownerComment({ network: "net1", ifname: "eth0", containerId: "c1" });
  setLink(netlink, { index, name: "eth0" }, { alias });
  const message = 'Cannot use VLAN 100 of "up0": interface "eth0" of container "c1" on network "net1" has it already';
  expect(() => explain(100)).toThrow(expect.objectContaining({ code: 107, message }));
});

it("explainTaken() says that the link is somewhere else if that cannot be entered, and lets other errors through", () => {
  const { host, netns, master, vlan, explain } = stage();
  addChild(host.netlink, { ...vlan("eth0", 100), netns });
  const blind = { ...host, findInNamespaces: () => undefined };
  const make = () => addChild(host.netlink, vlan("new0", 100));
  expect(() => explainTaken(blind, { master, id: 100 }, make)).toThrow(
    'Cannot use VLAN 100 of "up0": a link in another network namespace has it already',
  );
  expect(() => explain(4096)).toThrow('Cannot add vlan "new0"');
  explain(102);
});
