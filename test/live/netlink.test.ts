import { spawn } from "node:child_process";
import fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openNetns } from "../../src/linux/netns.ts";
import { addAddress } from "../../src/netlink/address/add.ts";
import { deleteAddress } from "../../src/netlink/address/delete.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import { waitForDad } from "../../src/netlink/address/wait.ts";
import { addBridge, addVeth } from "../../src/netlink/link/add.ts";
import { beginDeletion, deleteLink } from "../../src/netlink/link/delete.ts";
import { findLink, getLink, hasLink } from "../../src/netlink/link/get.ts";
import { listPorts } from "../../src/netlink/link/list.ts";
import { setLink, setLinkUp, setPort } from "../../src/netlink/link/set.ts";
import { waitForLink } from "../../src/netlink/link/wait.ts";
import { NLM_F } from "../../src/netlink/message.ts";
import { addRoute } from "../../src/netlink/route/add.ts";
import { getRoute, listRoutes } from "../../src/netlink/route/list.ts";
import { openRtnetlink, type Rtnetlink } from "../../src/netlink/socket.ts";
import { address, prefix } from "../netlink/text.ts";
import { Namespaces } from "./namespaces.ts";

let namespaces: Namespaces;
let hostPath: string;
let containerPath: string;
let host: Rtnetlink;
let container: Rtnetlink;

beforeEach(() => {
  namespaces = new Namespaces();
  hostPath = namespaces.add("host");
  containerPath = namespaces.add("container");
  host = openRtnetlink({ netns: hostPath });
  container = openRtnetlink({ netns: containerPath });
});

afterEach(() => {
  host.close();
  container.close();
  namespaces.dispose();
});

/** A bridge with a veth into the container, all of it up. */
function connect() {
  addBridge(host, { name: "br0", mac: "02:00:00:00:00:01", up: true });
  const bridge = getLink(host, "br0");
  const netns = openNetns(containerPath);
  const peer = { name: "eth0", mac: "02:00:00:00:00:03", netns };
  addVeth(host, { name: "veth0", mac: "02:00:00:00:00:02", up: true, master: bridge.index, peer });
  fs.closeSync(netns);
  const eth = getLink(container, "eth0");
  setLinkUp(container, eth);
  return { bridge, veth: getLink(host, "veth0"), eth };
}

describe("a netlink socket", () => {
  test("serves the namespace that it was opened in", () => {
    addBridge(container, { name: "br0" });

    expect(findLink(container, "br0")).toMatchObject({ kind: "bridge" });
    expect(findLink(host, "br0")).toBeUndefined();
  });

  test("throws the kernel's explanation with its error", () => {
    const request = { type: 24, flags: NLM_F.ACK | NLM_F.CREATE, payload: new Uint8Array(12), action: "add a route" };
    request.payload.set([2, 77]);

    expect(() => container.request(request)).toThrow(
      expect.objectContaining({
        code: "EINVAL",
        message: "Cannot add a route: Invalid argument (Invalid prefix length)",
      }),
    );
  });

  test("goes on after an error", () => {
    expect(() => getLink(host, "missing")).toThrow();

    expect(getLink(host, "lo")).toMatchObject({ index: 1, up: true, mtu: 65_536 });
  });

  test("transact() sends several requests, and throws for the one refused", () => {
    const lo = { type: 18, flags: NLM_F.ACK, payload: new Uint8Array(16), action: "get lo" };
    lo.payload[4] = 1;
    const missing = { ...lo, payload: lo.payload.slice(), action: "get the missing" };
    missing.payload[4] = 99;

    expect(host.transact([lo, lo])).toHaveLength(2);
    expect(() => host.transact([lo, missing])).toThrow("Cannot get the missing: No such device");
  });

  test("leaves no descriptor open", () => {
    const count = () => fs.readdirSync("/proc/self/fd").length;
    const before = count();

    for (let round = 0; round < 100; round++) openRtnetlink({ netns: hostPath }).close();

    expect(count()).toBe(before);
  });
});

describe("links", () => {
  test("are made as asked, complete in one request", () => {
    addBridge(host, { name: "br0", mac: "02:00:00:00:00:01", mtu: 1400, up: true });
    const netns = openNetns(containerPath);
    const peer = { name: "eth0", mac: "02:00:00:00:00:03", mtu: 1400, netns };
    addVeth(host, {
      name: "veth0",
      mac: "02:00:00:00:00:02",
      mtu: 1400,
      up: true,
      master: getLink(host, "br0").index,
      peer,
    });
    fs.closeSync(netns);

    expect(namespaces.ip(hostPath, "-details link show dev br0")).toMatchObject([
      {
        address: "02:00:00:00:00:01",
        mtu: 1400,
        flags: expect.arrayContaining(["UP"]),
        linkinfo: { info_kind: "bridge" },
      },
    ]);
    expect(namespaces.ip(hostPath, "-details link show dev veth0")).toMatchObject([
      {
        address: "02:00:00:00:00:02",
        mtu: 1400,
        flags: expect.arrayContaining(["UP"]),
        master: "br0",
        txqlen: 1000,
        linkinfo: { info_kind: "veth" },
      },
    ]);
    expect(namespaces.ip(containerPath, "link show dev eth0")).toMatchObject([
      { address: "02:00:00:00:00:03", mtu: 1400, txqlen: 1000, operstate: "DOWN" },
    ]);
  });

  test("are refused where the name is taken, on either end", () => {
    connect();
    const netns = openNetns(containerPath);

    expect(() => addBridge(host, { name: "br0" })).toThrow('Cannot add bridge "br0": File exists');
    expect(() => addVeth(host, { name: "veth1", peer: { name: "eth0", netns } })).toThrow(
      'Cannot add veth "veth1" with peer "eth0": File exists',
    );
    expect(findLink(host, "veth1")).toBeUndefined();
    fs.closeSync(netns);
  });

  test("know each other", () => {
    const { bridge, veth, eth } = connect();

    expect({ peer: veth.peer, master: veth.master }).toEqual({ peer: eth.index, master: bridge.index });
    expect(eth.peer).toBe(veth.index);
    expect(listPorts(host, bridge).map(({ name }) => name)).toEqual(["veth0"]);
  });

  test("are changed as asked", () => {
    const { bridge, veth } = connect();

    setLink(host, bridge, { promiscuous: true, alias: "network one", mtu: 1300 });
    setPort(host, veth, { hairpin: true, isolated: true });

    expect(getLink(host, "br0")).toMatchObject({ promiscuity: 1, alias: "network one", mtu: 1300, up: true });
    expect(getLink(host, "veth0").port).toMatchObject({ hairpin: 1, isolated: 1 });
    expect(namespaces.ip(hostPath, "-details link show dev veth0")).toMatchObject([
      { linkinfo: { info_slave_data: { hairpin: true, isolated: true } } },
    ]);
    setPort(host, veth, { hairpin: false });
    expect(getLink(host, "veth0").port).toMatchObject({ hairpin: 0, isolated: 1 });
  });

  test("are deleted with their other end", () => {
    const { veth } = connect();

    deleteLink(host, veth);

    expect(findLink(container, "eth0")).toBeUndefined();
    expect(() => deleteLink(host, veth)).toThrow('Cannot delete link "veth0": No such device');
  });

  test("are deleted while the caller goes on, which sees them go before the kernel is done", () => {
    addVeth(host, { name: "veth0", peer: { name: "eth0", netns: undefined } });
    const veth = getLink(host, "veth0");
    const asker = openRtnetlink({ netns: hostPath });
    const { finish } = beginDeletion(host, veth);
    const end = performance.now() + 10_000;
    while (hasLink(asker, veth.index) && performance.now() < end);
    expect(findLink(asker, "veth0")).toBeUndefined();
    finish();
    expect(findLink(host, "eth0")).toBeUndefined();
    const again = beginDeletion(host, veth);
    expect(again.finish).toThrow('Cannot delete link "veth0": No such device');
    expect(getLink(host, "lo").name).toBe("lo");
    asker.close();
  });

  test("are not found by a name that none can have", () => {
    expect(findLink(host, "a-name-of-more-than-15-bytes")).toBeUndefined();
  });
});

describe("addresses", () => {
  test("are added, listed and deleted", () => {
    const { eth } = connect();

    addAddress(container, eth, { prefix: prefix("10.1.0.2/24"), broadcast: address("10.1.0.255") });
    addAddress(container, eth, { prefix: prefix("fd00::2/64"), withoutDad: true, withoutRoute: true });

    expect(namespaces.ip(containerPath, "address show dev eth0 scope global")).toMatchObject([
      {
        addr_info: expect.arrayContaining([
          expect.objectContaining({ local: "10.1.0.2", prefixlen: 24, broadcast: "10.1.0.255" }),
          expect.objectContaining({ local: "fd00::2", prefixlen: 64, nodad: true, noprefixroute: true }),
        ]),
      },
    ]);
    expect(listAddresses(container, eth, 4)).toMatchObject([
      { prefix: prefix("10.1.0.2/24"), broadcast: address("10.1.0.255") },
    ]);
    deleteAddress(container, eth, prefix("10.1.0.2/24"));
    expect(listAddresses(container, eth, 4)).toEqual([]);
  });

  test("are listed for one link alone", () => {
    const { eth } = connect();

    addAddress(container, eth, { prefix: prefix("10.1.0.2/24") });

    expect(listAddresses(container, { index: 1, name: "lo" }, 4)).toMatchObject([{ prefix: prefix("127.0.0.1/8") }]);
  });

  test("are refused with an explanation", () => {
    const { eth } = connect();
    addAddress(container, eth, { prefix: prefix("10.1.0.2/24") });

    expect(() => addAddress(container, eth, { prefix: prefix("10.1.0.2/24") })).toThrow(
      /^Cannot add address 10\.1\.0\.2\/24 to link "eth0": File exists/,
    );
    expect(() => deleteAddress(container, eth, prefix("10.1.0.3/24"))).toThrow(
      /^Cannot delete address 10\.1\.0\.3\/24 from link "eth0": Cannot assign requested address/,
    );
  });
});

describe("waitForDad()", () => {
  test("waits until addresses can be used", () => {
    const { eth } = connect();
    addAddress(container, eth, { prefix: prefix("fd00::2/64") });
    expect(listAddresses(container, eth, 6).some(({ tentative }) => tentative)).toBe(true);

    const addresses = waitForDad(container, eth, { timeout: 10_000 });

    expect(addresses.map(({ tentative }) => tentative)).toEqual([false, false]);
  });

  test("finds the address that somebody else has", () => {
    const { bridge, eth } = connect();
    addAddress(host, bridge, { prefix: prefix("fd00::2/64"), withoutDad: true });
    addAddress(container, eth, { prefix: prefix("fd00::2/64") });

    const addresses = waitForDad(container, eth, { timeout: 10_000 });

    expect(addresses.find(({ prefix: found }) => found.address.value === address("fd00::2").value)).toMatchObject({
      duplicate: true,
    });
  });

  test("gives up at its time", () => {
    const { eth } = connect();
    addAddress(container, eth, { prefix: prefix("fd00::2/64") });
    const begin = performance.now();

    expect(waitForDad(container, eth, { timeout: 50 }).some(({ tentative }) => tentative)).toBe(true);
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});

describe("waitForLink()", () => {
  test("returns when an event says so, not at the end of its time", () => {
    const { bridge } = connect();
    spawn("sh", ["-c", `sleep 0.3; exec nsenter --net=${hostPath} ip link set br0 alias ready`], { stdio: "ignore" });
    const begin = performance.now();

    const link = waitForLink(host, bridge, { timeout: 30_000, until: ({ alias }) => alias === "ready" });

    expect(link).toMatchObject({ name: "br0", alias: "ready" });
    expect(performance.now() - begin).toBeGreaterThan(200);
    expect(performance.now() - begin).toBeLessThan(10_000);
  });

  test("is undefined when the time is over", () => {
    const { bridge } = connect();

    expect(waitForLink(host, bridge, { timeout: 50, until: () => false })).toBeUndefined();
  });
});

describe("routes", () => {
  test("are added with all that they can be given", () => {
    const { eth } = connect();
    addAddress(container, eth, { prefix: prefix("10.1.0.2/24") });

    addRoute(container, eth, {
      destination: prefix("0.0.0.0/0"),
      gateway: address("10.1.0.1"),
      priority: 5,
      mtu: 1300,
      advmss: 1200,
    });
    addRoute(container, eth, { destination: prefix("10.8.0.0/16"), scope: 253 });
    addRoute(container, eth, {
      destination: prefix("10.9.0.0/16"),
      gateway: address("10.2.0.1"),
      onlink: true,
      table: 1000,
    });

    expect(namespaces.ip(containerPath, "route show")).toMatchObject([
      { dst: "default", gateway: "10.1.0.1", dev: "eth0", metric: 5, metrics: [{ mtu: 1300, advmss: 1200 }] },
      { dst: "10.1.0.0/24", protocol: "kernel" },
      { dst: "10.8.0.0/16", scope: "link" },
    ]);
    expect(namespaces.ip(containerPath, "route show table 1000")).toMatchObject([
      { dst: "10.9.0.0/16", gateway: "10.2.0.1", flags: ["onlink"] },
    ]);
  });

  test("are listed by table and by link", () => {
    const { eth } = connect();
    addAddress(container, eth, { prefix: prefix("10.1.0.2/24") });
    addRoute(container, eth, { destination: prefix("10.9.0.0/16"), table: 1000 });

    expect(listRoutes(container, { family: 4 })).toMatchObject([
      { destination: prefix("10.1.0.0/24"), index: eth.index },
    ]);
    expect(listRoutes(container, { family: 4, table: 1000 })).toMatchObject([{ destination: prefix("10.9.0.0/16") }]);
    expect(listRoutes(container, { family: 4, table: 77 })).toEqual([]);
    expect(listRoutes(container, { family: 4, index: 1 })).toEqual([]);
  });

  test("to the same IPv6 destination become one with two ways", () => {
    const { eth } = connect();
    addAddress(container, eth, { prefix: prefix("fd00::2/64"), withoutDad: true });
    for (const gateway of ["fd00::a", "fd00::b"]) {
      addRoute(container, eth, { destination: prefix("fd01::/64"), gateway: address(gateway) });
    }

    const routes = listRoutes(container, { family: 6 });

    expect(routes.find(({ nextHops }) => nextHops.length > 0)).toMatchObject({
      destination: prefix("fd01::/64"),
      nextHops: [{ attributes: { gateway: address("fd00::a") } }, { attributes: { gateway: address("fd00::b") } }],
    });
  });

  test("are looked up", () => {
    const { eth } = connect();
    addAddress(container, eth, { prefix: prefix("10.1.0.2/24") });
    const route = { destination: prefix("0.0.0.0/0"), gateway: address("10.1.0.1") };
    addRoute(container, eth, route);

    expect(getRoute(container, address("8.8.8.8"))).toMatchObject({ gateway: address("10.1.0.1"), index: eth.index });
    deleteAddress(container, eth, prefix("10.1.0.2/24"));
    expect(() => getRoute(container, address("8.8.8.8"))).toThrow(
      "Cannot find a route to 8.8.8.8: Network is unreachable",
    );
  });

  test("are refused with an explanation", () => {
    const { eth } = connect();
    addAddress(container, eth, { prefix: prefix("10.1.0.2/24") });
    const route = { destination: prefix("10.9.0.0/16"), gateway: address("10.2.0.1") };

    expect(() => addRoute(container, eth, route)).toThrow(
      expect.objectContaining({
        code: "ENETUNREACH",
        message: expect.stringMatching(
          /^Cannot add route 10\.9\.0\.0\/16 via 10\.2\.0\.1 through link "eth0": Network is unreachable/,
        ),
        explanation: "Nexthop has invalid gateway",
      }),
    );
  });
});
