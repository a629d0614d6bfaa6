import { plugin } from "../../../plugins/vlan/main.ts";
import { createRequest } from "../../../src/cni/request.ts";
import type { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { addMaster } from "../master.ts";
import { type Case, leased } from "../verb-cases.ts";

const shared = { master: "up0", vlanId: 100, shared: true, ipam: { type: "fixed" } };
const fields = { master: "up0", vlanId: 100, mtu: 1300, ipam: { type: "fixed" } };

/** Another container has the VLAN, so the link stays. */
function addNeighbour(kernel: FakeKernel): void {
  addMaster(kernel);
  kernel.addNamespace("neighbour");
  const { fields: json, environment } = { fields: shared, environment: { CNI_CONTAINERID: "c0", CNI_IFNAME: "eth0" } };
  plugin.add(
    createRequest("ADD", {
      network: { name: "net1", json: { cniVersion: "1.1.0", name: "net1", type: "vlan", ...json } },
      version: "1.1.0",
      stdin: new Uint8Array(),
      environment: { ...environment, CNI_NETNS: "/run/netns/neighbour" },
      log: () => {},
    }),
    hostOn(kernel, {
      delegate: () => ({ begin: () => {}, abandon: () => false, result: () => leased, done: () => {} }),
    }),
  );
}

/** What test/plugins/verbs.test.ts calls the plugin with. */
export const CASES: readonly Case[] = [
  { title: "vlan", plugin, fields, prepare: addMaster },
  { title: "vlan that is shared", plugin, fields: shared, isInUse: true, prepare: addMaster },
  { title: "vlan that another container shares", plugin, fields: shared, prepare: addNeighbour },
];
