import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { kernelHasKind } from "../../link-kind.ts";
import { DhcpServer } from "../runtimes/dhcp-server.ts";
import { IMAGE } from "../runtimes/image.ts";
import { OpenLog } from "../runtimes/open-log.ts";
import { addSecondLink, SECOND_RANGE } from "../runtimes/second-link.ts";
import { traces } from "../runtimes/traces.ts";
import { webServer, who } from "../runtimes/who.ts";
import { Nerdctl } from "./nerdctl.ts";

let nerdctl: Nerdctl;
let opened: OpenLog;
let server: DhcpServer;

beforeAll(async () => {
  nerdctl = await Nerdctl.start();
  addSecondLink(nerdctl.node);
  server = await DhcpServer.start(nerdctl.node, SECOND_RANGE);
  opened = await OpenLog.start(nerdctl.node);
}, 1_200_000);
afterEach(() => {
  nerdctl.run(["rm", "--force", "left", "right"]);
  if (nerdctl.run(["network", "ls", "--format", "{{.Name}}"]).split("\n").includes("lan"))
    nerdctl.run(["network", "rm", "lan"]);
});
afterAll(() => nerdctl?.dispose());

const outside = { netns: "outside" };

function createNetwork(driver: string, ...options: readonly string[]): void {
  nerdctl.run(["network", "create", "--driver", driver, "--opt", "parent=ens11", ...options, "lan"]);
}

async function serve(name: string, ...options: readonly string[]): Promise<string> {
  await nerdctl.serve(name, ["--network", "lan", ...options]);
  return nerdctl.address(name);
}

/**
 * What there is of the network's containers on the node. The server keeps its lease to the end of it: nerdctl calls DEL when the container's
 * namespace is gone, and nobody is left to give the address back from.
 */
function left() {
  const { node } = nerdctl;
  const records = node.files("/run/cni/dhcp").filter((name) => name.endsWith(".json"));
  return { ...traces(node, { network: "lan", addresses: /\b198\.51\.100\./ }), records };
}

/** A container is a machine of the wire: each is seen under its own address, from the outside too. */
function expectConnected(containers: Readonly<Record<string, string>>): void {
  for (const [name, address] of Object.entries(containers)) {
    expect(who(nerdctl.node, address, outside)).toEqual({ name, client: "198.51.100.2" });
    expect(nerdctl.who(name, "198.51.100.2")).toMatchObject({ client: address });
    for (const [other, itsAddress] of Object.entries(containers))
      if (other !== name) expect(nerdctl.who(other, address)).toEqual({ name, client: itsAddress });
  }
}

/** Two containers get leases under their names, reach each other and the outside, and leave nothing on the node. */
async function playLeases(driver: string): Promise<void> {
  createNetwork(driver, "--ipam-driver", "dhcp");
  const before = left();
  const addresses = { left: await serve("left"), right: await serve("right") };
  expectConnected(addresses);
  expect(server.leases().map(({ name, address }) => [name, address])).toEqual(
    expect.arrayContaining(Object.entries(addresses)),
  );
  await expect.poll(() => opened.names(), { timeout: 20_000 }).toContain(driver);
  nerdctl.run(["rm", "--force", "left", "right"]);
  expect(left()).toEqual(before);
}

describe("nerdctl network create --driver macvlan", () => {
  test("--ipam-driver dhcp takes addresses of the network's server under the containers' names, and forgets them", () =>
    playLeases("macvlan"));

  test("with a subnet takes them of host-local, also the address that was asked for", async () => {
    const range = ["--subnet", "198.51.100.0/24", "--gateway", "198.51.100.2", "--ip-range", "198.51.100.128/25"];
    createNetwork("macvlan", ...range);
    const before = left();
    const addresses = { left: await serve("left"), right: await serve("right", "--ip", "198.51.100.200") };
    expect(addresses).toEqual({ left: expect.stringMatching(/\.1[23]\d$/), right: "198.51.100.200" });
    expectConnected(addresses);
    expect(left().leases).toHaveLength(2);
    nerdctl.run(["rm", "--force", "left", "right"]);
    expect(left()).toEqual(before);
  });

  test("keeps a container reachable over a restart, with one lease", async () => {
    createNetwork("macvlan", "--ipam-driver", "dhcp");
    await serve("left");
    nerdctl.run(["restart", "--time", "0", "left"]);
    await nerdctl.untilServed("left");
    expectConnected({ left: nerdctl.address("left") });
    expect(left().records).toHaveLength(1);
  });
});

// What is skipped here runs in the virtual machine: see CONTRIBUTING.md.
describe("nerdctl network create --driver ipvlan", () => {
  test.runIf(kernelHasKind("ipvlan"))(
    "--ipam-driver dhcp takes an address for each container, though all have the MAC of the parent",
    () => playLeases("ipvlan"),
    600_000,
  );
});

/** Two services. The first has a fixed address and publishes a port; the second asks it, by the name that nerdctl writes into /etc/hosts. */
function composition(): string {
  const service = {
    image: IMAGE,
    pull_policy: "never",
    command: webServer(),
    cgroup_parent: nerdctl.node.cgroup,
  };
  const services = {
    front: { ...service, hostname: "front", ports: ["8080:80"], networks: { inner: { ipv4_address: "10.33.0.10" } } },
    back: { ...service, hostname: "back", networks: ["inner"] },
  };
  const networks = { inner: { ipam: { config: [{ subnet: "10.33.0.0/24" }] } } };
  return JSON.stringify({ name: "project", services, networks });
}

describe("nerdctl without a network of the user's", () => {
  const bridged = () => traces(nerdctl.node, { network: "bridge", addresses: /\b10\.4\.0\./ });

  test("writes its own list, by which containers reach each other and the outside, and one publishes a port", async () => {
    nerdctl.run(["network", "ls"]);
    const before = bridged();
    await nerdctl.serve("left", ["--publish", "8080:80"]);
    await nerdctl.serve("right");
    expect(nerdctl.node.files("/etc/cni/net.d")).toContain("nerdctl-bridge.conflist");
    expect(nerdctl.address("left")).toMatch(/^10\.4\.0\./);
    expect(nerdctl.who("right", nerdctl.address("left"))).toEqual({ name: "left", client: nerdctl.address("right") });
    expect(nerdctl.who("right", "192.0.2.2")).toMatchObject({ client: "192.0.2.1" });
    expect(who(nerdctl.node, "192.0.2.1:8080", outside)).toEqual({ name: "left", client: "192.0.2.2" });
    expect(who(nerdctl.node, "127.0.0.1:8080")).toMatchObject({ name: "left" });
    nerdctl.run(["rm", "--force", "left", "right"]);
    expect(bridged()).toEqual(before);
  });

  test("compose up makes a network, gives the fixed address, publishes the port, and compose down leaves nothing", async () => {
    const file = "/run/compose.json";
    nerdctl.node.write(file, composition());
    const compose = (...args: readonly string[]) => nerdctl.run(["compose", "--file", file, ...args]);
    const composed = () => traces(nerdctl.node, { network: "project_inner", addresses: /\b10\.33\.0\./ });
    const before = composed();
    compose("up", "--detach");
    const [front, back] = ["project-front-1", "project-back-1"];
    for (const name of [front, back]) await nerdctl.untilServed(name);
    expect(nerdctl.address(front)).toBe("10.33.0.10");
    expect(nerdctl.who(back, "front")).toMatchObject({ name: "front" });
    expect(who(nerdctl.node, "192.0.2.1:8080", outside)).toEqual({ name: "front", client: "192.0.2.2" });
    compose("down");
    expect(composed()).toEqual(before);
  });
});
