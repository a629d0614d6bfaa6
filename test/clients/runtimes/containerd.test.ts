import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { confDir } from "../../caller.ts";
import { Containerd, RELEASES } from "./containerd.ts";
import { OpenLog } from "./open-log.ts";
import { nothing, traces } from "./traces.ts";
import { who } from "./who.ts";

/** The list that containerd's own scripts install; from 1.1.0 on, STATUS is called. */
function sampleList(cniVersion: string) {
  const ranges = [[{ subnet: "10.88.0.0/16" }], [{ subnet: "2001:4860:4860::/64" }]];
  const routes = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];
  const ipam = { type: "host-local", ranges, routes };
  const plugins = [
    { type: "bridge", bridge: "cni0", isGateway: true, ipMasq: true, promiscMode: true, ipam },
    { type: "portmap", capabilities: { portMappings: true } },
  ];
  return { cniVersion, name: "containerd-net", plugins };
}

/** The list that this project ships for containerd. */
function shippedList(): object {
  return JSON.parse(fs.readFileSync(path.join(confDir, "containerd/10-containerd-net.conflist"), "utf8"));
}

const ports = [{ hostPort: 8080, containerPort: 80 }];
const outside = { netns: "outside" };
const PODS = 30;

describe.each([
  { name: "1.6", release: RELEASES["1.6"], cniVersion: "1.0.0", asksStatus: false },
  { name: "2", release: RELEASES["2"], cniVersion: "1.1.0", asksStatus: true },
])("containerd $name", ({ release, cniVersion, asksStatus }) => {
  let containerd: Containerd;
  let opened: OpenLog;

  beforeAll(async () => {
    containerd = await Containerd.start(release, sampleList(cniVersion));
    opened = await OpenLog.start(containerd.node);
  }, 300_000);
  afterEach(() => removeAll());
  afterAll(() => containerd?.dispose());

  test("is ready with our plugins, and runs no others", async () => {
    expect(await containerd.cri.conditions()).toEqual(
      expect.arrayContaining([
        { type: "RuntimeReady", status: true, message: "" },
        { type: "NetworkReady", status: true, message: "" },
      ]),
    );
    await containerd.cri.runPod(containerd.pod("a"));
    await expect.poll(() => opened.names(), { timeout: 20_000 }).toEqual(["bridge", "loopback", "portmap"]);
    expect(containerd.node.files("/usr/lib/cni")).toEqual([]);
  });

  test("tells the kubelet in our words why a pod can get no network, and the next one can", async () => {
    containerd.node.run(["bash", "-c", "ip link del cni0; ip link add cni0 type ifb"]);
    const running = containerd.cri.runPod(containerd.pod("a"));
    await expect(running).rejects.toThrow(
      'plugin type="bridge" failed (add): "cni0" already exists but is not a bridge',
    );
    const message = expect.stringContaining('Link "cni0" is of kind "ifb", must be a bridge or free');
    const expected = asksStatus ? { status: false, message } : { status: true, message: "" };
    expect(await containerd.cri.conditions()).toContainEqual({ type: "NetworkReady", ...expected });
    await removeAll();
    containerd.node.run(["ip", "link", "del", "cni0"]);
    expect(left()).toEqual(nothing);
    expect(await containerd.cri.conditions()).toContainEqual({ type: "NetworkReady", status: true, message: "" });
    await containerd.cri.runPod(containerd.pod("b"));
  });

  test("connects pods by IPv4 and IPv6 under their own addresses, and with the outside under the node's", async () => {
    const [a, b] = [await serve("a"), await serve("b")];
    const [a4 = "", a6 = ""] = a.addresses;
    const [b4, b6] = b.addresses;
    expect(await containerd.who(b.container, a4)).toEqual({ name: "a", client: b4 });
    expect(await containerd.who(b.container, `[${a6}]`)).toEqual({ name: "a", client: b6 });
    expect(await containerd.who(a.container, "192.0.2.2")).toMatchObject({ client: "192.0.2.1" });
    expect(await containerd.who(a.container, "[2001:db8::2]")).toMatchObject({ client: "2001:db8::1" });
  });

  test("forwards a hostPort from the outside, from the node itself and from a pod", async () => {
    await serve("a", { ports });
    const b = await serve("b");
    expect(who(containerd.node, "192.0.2.1:8080", outside)).toEqual({ name: "a", client: "192.0.2.2" });
    expect(who(containerd.node, "[2001:db8::1]:8080", outside)).toEqual({ name: "a", client: "2001:db8::2" });
    for (const address of ["192.0.2.1:8080", "127.0.0.1:8080", "[2001:db8::1]:8080"])
      expect(who(containerd.node, address)).toMatchObject({ name: "a" });
    expect(await containerd.who(b.container, "192.0.2.1:8080")).toMatchObject({ name: "a" });
  });

  test(`makes ${PODS} pods at once, each with addresses of its own, and leaves nothing of them`, async () => {
    const ids = await Promise.all(runPods());
    const addresses = (await Promise.all(ids.map((id) => containerd.cri.addresses(id)))).flat();
    expect(new Set(addresses).size).toBe(2 * PODS);
    await removeAll();
    expect(left()).toEqual(nothing);
  });

  test("stops a pod twice and removes it, and nothing is left after the first time", async () => {
    const id = await containerd.cri.runPod(containerd.pod("a", { ports }));
    await containerd.cri.stopPod(id);
    expect(left()).toEqual(nothing);
    await containerd.cri.stopPod(id);
    await containerd.cri.removePod(id);
    expect(left()).toEqual(nothing);
  });

  test("limits a pod of the list of `conf` as its annotations say", async () => {
    await containerd.useList({ ...shippedList(), cniVersion });
    const annotations = { "kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "20M" };
    const { addresses } = await serve("a", { ports, annotations });
    expect(who(containerd.node, `[${addresses[1]}]`)).toEqual({ name: "a", client: "fd00:10:88::1" });
    expect(who(containerd.node, "192.0.2.1:8080", outside)).toEqual({ name: "a", client: "192.0.2.2" });
    const rates = [...containerd.node.run(["tc", "qdisc", "show"]).matchAll(/qdisc tbf .* rate (\S+)/g)];
    expect(rates.map(([, rate]) => rate).sort()).toEqual(["10Mbit", "20Mbit"]);
    await removeAll();
    await containerd.useList(sampleList(cniVersion));
    expect(left()).toEqual(nothing);
  });

  test(`killed while ${PODS} pods begin, and again while they end, it leaves nothing and loses no address`, async () => {
    const running = Promise.allSettled(runPods());
    await containerd.node.until(() => left().leases.length >= PODS / 2);
    containerd.kill();
    await running;
    await containerd.restart();
    const pods = await containerd.cri.pods();
    expect(pods.length).toBeGreaterThan(0);
    const removing = Promise.allSettled(pods.map(remove));
    const before = left().leases.length;
    await containerd.node.until(() => left().leases.length < before);
    containerd.kill();
    await removing;
    await containerd.restart();
    await removeAll();
    await containerd.node.until(() => !containerd.node.runs("/opt/cni/bin/"));
    // It forgets namespaces that it made just before it was killed. Nothing is in them.
    expect({ ...left(), namespaces: [] }).toEqual(nothing);
  });

  function serve(name: string, more: Parameters<Containerd["pod"]>[1] = {}) {
    return containerd.serve(containerd.pod(name, more));
  }

  function runPods(): Promise<string>[] {
    return Array.from({ length: PODS }, (_, i) =>
      containerd.cri.runPod(containerd.pod(`pod${i}`, { ports: [{ hostPort: 8000 + i, containerPort: 80 }] })),
    );
  }

  async function removeAll(): Promise<void> {
    await Promise.all((await containerd.cri.pods()).map(remove));
  }

  async function remove(id: string): Promise<void> {
    await containerd.cri.stopPod(id);
    await containerd.cri.removePod(id);
  }

  function left() {
    const addresses = /\b10\.88\.|\b2001:4860:4860:|\bfd00:10:88:/;
    return traces(containerd.node, { network: "containerd-net", addresses });
  }
});
