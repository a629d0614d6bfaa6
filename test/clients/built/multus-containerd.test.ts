import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Containerd, RELEASES } from "../runtimes/containerd.ts";
import { DhcpServer, UPLINK_RANGE } from "../runtimes/dhcp-server.ts";
import { PLUGIN_DIR } from "../runtimes/sandbox.ts";
import { traces } from "../runtimes/traces.ts";
import { who } from "../runtimes/who.ts";
import { KubernetesApi } from "./kubernetes.ts";
import { multusPlugin } from "./multus.ts";
import { multusList } from "./multus-node.ts";

let containerd: Containerd;
let api: KubernetesApi;
let server: DhcpServer;

beforeAll(async () => {
  const plugin = multusPlugin();
  containerd = await Containerd.start(RELEASES["1.6"], multusList("1.0.0"));
  const { node } = containerd;
  node.run(["cp", plugin, path.join(PLUGIN_DIR, "multus")]);
  api = await KubernetesApi.start(node);
  server = await DhcpServer.start(node, UPLINK_RANGE);
}, 1_200_000);
afterAll(() => containerd?.dispose());

/** What is left of pods on the node and at the server, in every network. */
function left() {
  const { node } = containerd;
  const records = node.files("/run/cni/dhcp").filter((name) => name.endsWith(".json"));
  const cached = node.files("/var/lib/cni/multus/results");
  const found = traces(node, { network: "ptp", addresses: /\b10\.97\.|\bfd00:10:97|\b192\.0\.2\.\d\d/ });
  return { ...found, records, cached, served: server.leases() };
}

test("containerd, by multus: a pod has its port in the default network and a leased address on the wire, and leaves nothing", async () => {
  api.define("leased", {
    ...{ cniVersion: "1.0.0", name: "leased" },
    plugins: [{ type: "macvlan", master: "uplink", ipam: { type: "dhcp" } }],
  });
  for (const name of ["a", "b"]) api.addPod(name, [{ name: "leased" }]);
  const before = left();
  const [a, b] = [
    await containerd.serve(containerd.pod("a", { ports: [{ hostPort: 8080, containerPort: 80 }] })),
    await containerd.serve(containerd.pod("b")),
  ];
  expect(a.addresses[0]).toMatch(/^10\.97\./);
  // Asked by a neighbour on the wire, the pod would answer by the wire.
  expect(who(containerd.node, "127.0.0.1:8080")).toMatchObject({ client: "10.97.0.1" });
  const [onA, onB] = [await leasedAddress(a.container), await leasedAddress(b.container)];
  expect(await containerd.who(b.container, onA)).toMatchObject({ client: onB });
  expect(who(containerd.node, onA, { netns: "outside" })).toMatchObject({ client: "192.0.2.2" });
  expect(server.leases().map(({ address }) => address)).toEqual(expect.arrayContaining([onA, onB]));
  // Its object may be gone by then: what multus knows of the pod is in a cache of its own.
  api.deletePod("b");
  for (const { id } of [a, b]) {
    for (let i = 0; i < 2; i++) await containerd.cri.stopPod(id);
    await containerd.cri.removePod(id);
  }
  await expect.poll(left, { timeout: 20_000 }).toEqual(before);
});

async function leasedAddress(container: string): Promise<string> {
  const printed = await containerd.cri.exec(container, ["ip", "-4", "addr", "show", "net1"]);
  return /(?<=inet )[\d.]+/.exec(printed)?.[0] ?? "";
}
