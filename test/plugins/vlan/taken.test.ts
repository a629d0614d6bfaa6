import { expect, it } from "vitest";
import { explainTaken } from "../../../plugins/vlan/taken.ts";
import { addChild } from "../../../src/netlink/link/child.ts";
import { findMaster } from "../../../src/steps/master.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { addMaster } from "../master.ts";

function stage() {
  const kernel = new FakeKernel();
  addMaster(kernel);
  const host = hostOn(kernel);
  const netns = kernel.openContainer(kernel.addNamespace("container")).netns;
  const master = findMaster(host, undefined, { master: "up0", linkInContainer: false });
  const vlan = (name: string, id: number) =>
    ({ kind: "vlan", name, settings: { id }, parent: master.link.index }) as const;
  const explain = (id: number) => explainTaken(host, { master, id }, () => addChild(host.netlink, vlan("new0", id)));
  return { host, netns, vlan, explain };
}

it("explainTaken() names the link of the host that has the VLAN", () => {
  const { host, vlan, explain } = stage();
  addChild(host.netlink, vlan("up0.7", 7));
  addChild(host.netlink, vlan("up0.100", 100));
  const message = 'Cannot use VLAN 100 of "up0": link "up0.100" of the host has it already';
  expect(() => explain(100)).toThrow(expect.objectContaining({ code: 107, message }));
});

it("explainTaken() says that the link is in another namespace, and lets other errors through", () => {
  const { host, netns, vlan, explain } = stage();
  addChild(host.netlink, { ...vlan("eth0", 100), netns });
  expect(() => explain(100)).toThrow(
    'Cannot use VLAN 100 of "up0": a link in another network namespace has it already',
  );
  expect(() => explain(4096)).toThrow('Cannot add vlan "new0"');
  explain(101);
});
