import { expect, it } from "vitest";
import { plugin } from "../../../plugins/ipvlan/main.ts";
import type { Delegation } from "../../../src/cni/delegate.ts";
import { addIfb } from "../../../src/netlink/link/add.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { addMaster } from "../master.ts";
import { leased, requestOf } from "../verb-cases.ts";

const ipam = (): Delegation => ({ begin: () => {}, abandon: () => false, result: () => leased, done: () => {} });

/** An attachment by a kernel that tells the namespace of an ipvlan's master, or by one that does not. */
function attach({ ipvlanNetns, others = 0 }: { ipvlanNetns: boolean; others?: number }) {
  const kernel = new FakeKernel();
  addMaster(kernel);
  kernel.features.ipvlanNetns = ipvlanNetns;
  const inside = kernel.openContainer(kernel.addNamespace("container"));
  for (let n = 0; n < others; n++) addIfb(inside.netlink, { name: `net${n}` });
  const which = { plugin, fields: { master: "up0", ipam: { type: "fixed" } } };
  const open = () => hostOn(kernel, { delegate: ipam });
  const given = plugin.add(requestOf("ADD", which), open());
  return (master: string) =>
    plugin.check(requestOf("CHECK", { plugin, fields: { ...which.fields, master } }, { given }), open());
}

it.each([
  { ipvlanNetns: true, others: 0 },
  { ipvlanNetns: false, others: 0 },
  // A link of the container has the master's number.
  { ipvlanNetns: false, others: 3 },
])("CHECK accepts the master that the interface stands on: %j", (machine) => {
  const check = attach(machine);
  check("up0");
  expect(() => check("nope0")).toThrow("Link not found on the host");
});
