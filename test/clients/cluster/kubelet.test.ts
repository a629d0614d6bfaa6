import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { confDir } from "../../caller.ts";
import { binDir } from "../../lab.ts";
import { referenceDir } from "../../parity/reference.ts";
import { OpenLog } from "../runtimes/open-log.ts";
import { PLUGIN_DIR } from "../runtimes/sandbox.ts";
import { nothing, traces } from "../runtimes/traces.ts";
import { who } from "../runtimes/who.ts";
import { Kubelet, type Pod } from "./kubelet.ts";
import { PluginKiller } from "./plugin-killer.ts";
import { reboot } from "./reboot.ts";

const NETWORK = "containerd-net";
/** The list that is shipped for containerd, in the version that has it call STATUS. */
const list = {
  ...JSON.parse(fs.readFileSync(path.join(confDir, "containerd/10-containerd-net.conflist"), "utf8")),
  cniVersion: "1.1.0",
};
/** What a node with that list has of the Go plugins. */
const GO_PLUGINS = ["bridge", "host-local", "loopback", "portmap", "bandwidth"];

const outside = { netns: "outside" };
const ports = (hostPort: number) => [{ hostPort, containerPort: 80 }];

/** How many pods a node gets, and how many of them begin at the same time. */
const PODS = 100;
const AT_ONCE = 10;
const FEW = 20;
/** A kubelet tries again ten seconds after a failure, and removes old sandboxes once a minute. */
const PATIENCE = { timeout: 150_000, interval: 300 };

let kubelet: Kubelet;
let opened: OpenLog;

beforeAll(async () => {
  kubelet = await Kubelet.start(list);
  opened = await OpenLog.start(kubelet.node);
}, 3_600_000);
afterEach(() => kubelet.deleteAll());
afterAll(() => kubelet?.dispose());

describe("the kubelet 1.34 on containerd 2", () => {
  test("has static pods reach each other by IPv4 and IPv6, and the outside, with our plugins and no others", async () => {
    const [a, b] = await begin(["a", "b"]);
    const [a4, a6] = a?.addresses ?? [];
    const [b4, b6] = b?.addresses ?? [];
    expect(await ask(b, a4)).toEqual({ name: "a-node", client: b4 });
    expect(await ask(b, `[${a6}]`)).toEqual({ name: "a-node", client: b6 });
    expect(await ask(a, "192.0.2.2")).toMatchObject({ client: "192.0.2.1" });
    expect(await ask(a, "[2001:db8::2]")).toMatchObject({ client: "2001:db8::1" });
    await expect.poll(() => opened.names(), PATIENCE).toEqual(["bandwidth", "bridge", "loopback", "portmap"]);
    expect(kubelet.node.files("/usr/lib/cni")).toEqual([]);
    await endAll();
  });

  test("answers at a hostPort from the outside, from the node itself and from a pod, until the pod ends", async () => {
    const [, b] = await begin(["a", "b"], { a: 8080 });
    const { node } = kubelet;
    expect(who(node, "192.0.2.1:8080", outside)).toEqual({ name: "a-node", client: "192.0.2.2" });
    expect(who(node, "[2001:db8::1]:8080", outside)).toEqual({ name: "a-node", client: "2001:db8::2" });
    for (const address of ["192.0.2.1:8080", "127.0.0.1:8080"])
      expect(who(node, address)).toMatchObject({ name: "a-node" });
    expect(await ask(b, "192.0.2.1:8080")).toMatchObject({ name: "a-node" });
    await endAll();
    expect(() => who(node, "192.0.2.1:8080", outside)).toThrow("Couldn't connect");
    expect(left()).toEqual(nothing);
  });

  test(`begins and ends ${PODS} pods, ${AT_ONCE} at once, each with addresses of its own, and leaves nothing`, async () => {
    const names = numbered(PODS);
    for (let count = AT_ONCE; count <= PODS; count += AT_ONCE) {
      for (let i = count - AT_ONCE; i < count; i++) kubelet.add(names[i] ?? "", ports(9000 + i));
      await expect.poll(() => kubelet.ready().length, PATIENCE).toBe(count);
    }
    const addresses = kubelet.pods().flatMap((pod) => pod.addresses);
    expect(new Set(addresses).size).toBe(2 * PODS);
    expect(who(kubelet.node, `192.0.2.1:${9000 + PODS - 1}`, outside)).toMatchObject({ name: `pod${PODS - 1}-node` });
    for (let count = PODS - AT_ONCE; count >= 0; count -= AT_ONCE) {
      for (const name of names.slice(count, count + AT_ONCE)) kubelet.delete(name);
      await expect.poll(() => left().leases.length, PATIENCE).toBe(2 * count);
    }
    await endAll();
  }, 900_000);

  test(`leaves nothing of ${FEW} pods when containerd and plugins are killed while they begin, and while they end`, async () => {
    const { node } = kubelet;
    const names = numbered(FEW);
    for (const [i, name] of names.entries()) kubelet.add(name, ports(9000 + i));
    await crash(() => left().leases.length >= FEW);
    await expect.poll(() => kubelet.ready().length, PATIENCE).toBe(FEW);
    expect(new Set(kubelet.pods().flatMap((pod) => pod.addresses)).size).toBe(2 * FEW);
    kubelet.deleteAll();
    await crash(() => left().leases.length <= FEW);
    // containerd forgets namespaces that it made just before it was killed. Nothing is in them.
    await expect.poll(() => ({ ...left(), namespaces: [] }), PATIENCE).toEqual(nothing);
    for (const namespace of left().namespaces) node.run(["ip", "netns", "del", path.basename(namespace)]);
  }, 600_000);

  test("after a new boot, gives the pods new networks, and leaves nothing of the old ones", async () => {
    await begin(["a", "b", "c"], { a: 8080 });
    reboot(kubelet.node);
    await kubelet.containerd.restart();
    await kubelet.restart();
    opened = await OpenLog.start(kubelet.node);
    await expect.poll(() => kubelet.ready(), PATIENCE).toEqual(["a", "b", "c"]);
    const [a, b] = kubelet.pods();
    expect(await ask(b, a?.addresses[0])).toMatchObject({ name: "a-node" });
    expect(who(kubelet.node, "192.0.2.1:8080", outside)).toMatchObject({ name: "a-node" });
    await endAll();
  }, 400_000);

  test("goes on with pods that have their network from the Go plugins: a CHECK is well, and the DELs leave nothing", async () => {
    const { node } = kubelet;
    const reference = referenceDir();
    for (const name of GO_PLUGINS)
      node.run(["cp", "--remove-destination", path.join(reference, name), path.join(PLUGIN_DIR, name)]);
    await begin(["a", "b", "c"], { a: 8080 });
    node.run([path.join(binDir, "cnictl"), "install", "--dir", PLUGIN_DIR, "--force"]);
    const attachments = cnictl("ps", NETWORK);
    expect(attachments).toHaveLength(3);
    for (const { containerId, by } of attachments) {
      expect(by).toBe("go");
      const checks = cnictl("inspect", containerId).checks.filter(
        (each: { network: string }) => each.network === NETWORK,
      );
      expect(checks.map((each: { plugin: string }) => each.plugin)).toEqual(["bridge", "portmap", "bandwidth"]);
      for (const check of checks) expect(check).toMatchObject({ state: "ok" });
    }
    const [a, , , d] = await begin(["d"], { d: 8081 });
    expect(await ask(d, a?.addresses[0])).toMatchObject({ name: "a-node" });
    await endAll();
  }, 400_000);
});

/** What cnictl of the node answers. */
function cnictl(...args: string[]) {
  const environment = { CNI_PATH: PLUGIN_DIR };
  return JSON.parse(kubelet.node.run([path.join(PLUGIN_DIR, "cnictl"), ...args, "--json"], { environment }));
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `pod${i}`);
}

/** Asks a web server from inside a pod. @throws Error where nobody answers */
function ask(pod: Pod | undefined, address: string | undefined) {
  return kubelet.containerd.who(pod?.container ?? "", address ?? "");
}

/** Has pods begin, those of a name in `mapped` with a hostPort, and waits until every pod serves; returns them in their names' order. */
async function begin(names: readonly string[], mapped: Readonly<Record<string, number>> = {}) {
  const all = [...kubelet.pods().map(({ name }) => name), ...names].sort();
  for (const name of names) kubelet.add(name, mapped[name] === undefined ? [] : ports(mapped[name]));
  await expect.poll(() => kubelet.ready(), PATIENCE).toEqual(all);
  return kubelet.pods();
}

/** Has every pod end, and waits until nothing is left of their networks. */
async function endAll(): Promise<void> {
  kubelet.deleteAll();
  await expect.poll(left, PATIENCE).toEqual(nothing);
}

/** Kills plugins, and then containerd when something is so; containerd starts again. */
async function crash(isSo: () => boolean): Promise<void> {
  const { containerd, node } = kubelet;
  const killer = new PluginKiller(node, 4);
  await node.until(() => killer.killed === 4 && isSo());
  killer.stop();
  containerd.kill();
  await containerd.restart();
}

function left() {
  return traces(kubelet.node, { network: NETWORK, addresses: /\b10\.88\.|\bfd00:10:88:/ });
}
