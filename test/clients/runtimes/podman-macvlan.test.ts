import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { DhcpServer, UPLINK_RANGE } from "./dhcp-server.ts";
import { OpenLog } from "./open-log.ts";
import { Podman } from "./podman.ts";
import { nothing, traces } from "./traces.ts";
import { who } from "./who.ts";

let podman: Podman;
let opened: OpenLog;
let server: DhcpServer;

beforeAll(async () => {
  podman = await Podman.start();
  server = await DhcpServer.start(podman.node, UPLINK_RANGE);
  opened = await OpenLog.start(podman.node);
});
afterEach(() => {
  podman.run(["rm", "--all", "--force", "--time", "0"]);
  podman.run(["network", "rm", "--force", "lan"]);
});
afterAll(() => podman?.node.dispose());

const outside = { netns: "outside" };

function createNetwork(...options: readonly string[]): void {
  podman.run(["network", "create", "--driver", "macvlan", "--opt", "parent=uplink", ...options, "lan"]);
}

function serve(name: string, options = "") {
  podman.serve(name, ["--network", `lan${options}`]);
  return podman.inspect(name, "lan");
}

/** What is left of the network's containers, on the node and at the server. */
function left() {
  const { node } = podman;
  const records = node.files("/run/cni/dhcp").filter((name) => name.endsWith(".json"));
  return { ...traces(node, { network: "lan", addresses: /\b192\.0\.2\.\d{2,}/ }), records, served: server.leases() };
}

const NOTHING = { ...nothing, records: [], served: [] };

/** A container is a machine of the wire: each is seen under its own address, from the outside too. */
function expectConnected(containers: Readonly<Record<string, string>>): void {
  for (const [name, address] of Object.entries(containers)) {
    expect(who(podman.node, address, outside)).toEqual({ name, client: "192.0.2.2" });
    expect(podman.who(name, "192.0.2.2")).toMatchObject({ client: address });
    for (const [other, itsAddress] of Object.entries(containers))
      if (other !== name) expect(podman.who(other, address)).toEqual({ name, client: itsAddress });
  }
}

describe("podman network create --driver macvlan", () => {
  test("without a subnet takes addresses of the network's DHCP server, and gives them back", async () => {
    createNetwork();
    const mac = "02:00:00:00:07:08";
    const [a, b] = [serve("a"), serve("b", `:mac=${mac}`)];
    expect(b.mac).toBe(mac);
    const served = [a, b].map(({ mac, address }) => expect.objectContaining({ mac, address }));
    expect(server.leases()).toEqual(expect.arrayContaining(served));
    expectConnected({ a: a.address, b: b.address });
    await expect.poll(() => opened.names(), { timeout: 20_000 }).toEqual(expect.arrayContaining(["macvlan", "tuning"]));
    podman.run(["rm", "--all", "--force", "--time", "0"]);
    await expect.poll(left, { timeout: 20_000 }).toEqual(NOTHING);
  });

  test("with a subnet takes them of host-local, also the address that was asked for", () => {
    createNetwork("--subnet", "192.0.2.0/24", "--ip-range", "192.0.2.128/25", "--gateway", "192.0.2.2");
    const [a, b] = [serve("a"), serve("b", ":ip=192.0.2.200")];
    expect(a).toMatchObject({ gateway: "192.0.2.2", address: expect.stringMatching(/^192\.0\.2\.1(2|3)\d$/) });
    expect(b.address).toBe("192.0.2.200");
    expectConnected({ a: a.address, b: b.address });
    expect(left().leases).toHaveLength(2);
    podman.run(["rm", "--all", "--force", "--time", "0"]);
    expect(left()).toEqual(NOTHING);
  });

  test("keeps a container reachable over a restart", () => {
    createNetwork();
    serve("a");
    podman.restart("a");
    expectConnected({ a: podman.inspect("a", "lan").address });
    expect(left().records).toHaveLength(1);
  });
});
