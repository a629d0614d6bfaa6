import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { confDir } from "../../caller.ts";
import { OpenLog } from "./open-log.ts";
import { Podman } from "./podman.ts";
import { PLUGIN_DIR } from "./sandbox.ts";
import { nothing } from "./traces.ts";
import { askWho, who } from "./who.ts";

let podman: Podman;
let opened: OpenLog;

beforeAll(async () => {
  podman = await Podman.start();
  opened = await OpenLog.start(podman.node);
});
afterEach(() => podman.run(["rm", "--all", "--force", "--time", "0"]));
afterAll(() => podman?.node.dispose());

/** Its package's list of the default network. */
const LIST = "/etc/cni/net.d/87-podman-bridge.conflist";

const outside = { netns: "outside" };

describe("podman's default network", () => {
  test("connects two containers with each other, each under its own address, and with the outside under the node's", () => {
    const [a, b] = [podman.serve("a"), podman.serve("b")];
    expect(podman.who("b", a.address)).toEqual({ name: "a", client: b.address });
    expect(podman.who("a", b.address)).toEqual({ name: "b", client: a.address });
    expect(podman.who("a", "192.0.2.2")).toMatchObject({ client: "192.0.2.1" });
    expect(who(podman.node, a.address)).toEqual({ name: "a", client: a.gateway });
  });

  test("is served by the plugins of /opt/cni/bin, each of which its list names", async () => {
    podman.serve("a");
    await expect.poll(() => opened.names(), { timeout: 20_000 }).toEqual(["bridge", "firewall", "portmap", "tuning"]);
    expect(podman.node.files("/usr/lib/cni")).toEqual([]);
  });

  test("publishes a port to the outside, to the node itself, to another container and to its own", () => {
    podman.serve("a", ["--publish", "8080:80"]);
    podman.serve("b");
    expect(who(podman.node, "192.0.2.1:8080", outside)).toEqual({ name: "a", client: "192.0.2.2" });
    for (const address of ["192.0.2.1:8080", "127.0.0.1:8080"])
      expect(who(podman.node, address)).toMatchObject({ name: "a" });
    for (const name of ["a", "b"]) expect(podman.who(name, "192.0.2.1:8080")).toMatchObject({ name: "a" });
  });

  test("gives --ip and --mac-address", () => {
    const wanted = { address: "10.88.7.7", mac: "02:00:00:00:07:07" };
    expect(podman.serve("a", ["--ip", wanted.address, "--mac-address", wanted.mac])).toMatchObject(wanted);
    expect(podman.run(["exec", "a", "ip", "addr", "show", "eth0"])).toMatch(
      new RegExp(`${wanted.mac}[^]*${wanted.address}/16`),
    );
    expect(who(podman.node, wanted.address)).toMatchObject({ name: "a" });
  });

  test("keeps a published port over a restart, and no address too many", () => {
    podman.serve("a", ["--publish", "8080:80"]);
    podman.serve("b");
    const { address } = podman.restart("a");
    expect(podman.who("b", address)).toMatchObject({ name: "a" });
    expect(who(podman.node, "192.0.2.1:8080", outside)).toMatchObject({ name: "a" });
    expect(podman.traces().leases).toHaveLength(2);
  });

  test("comes back by network reload after somebody flushed every rule", () => {
    podman.serve("a", ["--publish", "8080:80"]);
    podman.node.run(["nft", "flush", "ruleset"]);
    expect(podman.traces().rules).toEqual([]);
    podman.run(["network", "reload", "a"]);
    expect(who(podman.node, "192.0.2.1:8080", outside)).toEqual({ name: "a", client: "192.0.2.2" });
    expect(podman.who("a", "192.0.2.2")).toMatchObject({ client: "192.0.2.1" });
  });

  test("comes back by cnictl reapply, although podman's results name no namespace", () => {
    podman.serve("a", ["--publish", "8080:80"]);
    const id = podman.run(["ps", "--quiet"]);
    const cnictl = (...args: string[]) => podman.node.run([`${PLUGIN_DIR}/cnictl`, ...args]);
    podman.node.run(["nft", "flush", "ruleset"]);
    expect(podman.node.try([`${PLUGIN_DIR}/cnictl`, "doctor"]).stdout).toMatch(/^error +attachment +podman +1 of 1/m);
    expect(cnictl("reapply")).toMatch(/^podman .* masquerade, port mappings, firewall rules +-$/m);
    expect(who(podman.node, "192.0.2.1:8080", outside)).toEqual({ name: "a", client: "192.0.2.2" });
    expect(JSON.parse(cnictl("inspect", id, "--json"))).toMatchObject({
      namespace: "alive",
      checks: ["bridge", "portmap", "firewall", "tuning"].map((plugin) => ({ plugin, state: "ok" })),
    });
  });

  test("leaves no link, rule, lease, result or namespace of a container that is removed", () => {
    podman.serve("a", ["--publish", "8080:80", "--publish", "8081:81/udp"]);
    podman.serve("b", ["--ip", "10.88.7.7"]);
    expect(podman.traces()).toMatchObject({ leases: [expect.any(String), expect.any(String)], rules: { 1: /10\.88/ } });
    podman.run(["rm", "--force", "--time", "0", "a", "b"]);
    expect(podman.traces()).toEqual(nothing);
  });
});

test("podman with the list of `conf`: an address and a MAC asked for, a port, and nothing left", () => {
  const packaged = podman.node.run(["cat", LIST]);
  podman.node.write(LIST, fs.readFileSync(path.join(confDir, "podman", path.basename(LIST)), "utf8"));
  const wanted = { address: "10.88.7.7", mac: "02:00:00:00:07:07" };
  const options = ["--ip", wanted.address, "--mac-address", wanted.mac, "--publish", "8080:80"];
  expect(podman.serve("a", options)).toMatchObject(wanted);
  expect(who(podman.node, "192.0.2.1:8080", outside)).toEqual({ name: "a", client: "192.0.2.2" });
  podman.run(["rm", "--all", "--force", "--time", "0"]);
  expect(podman.traces()).toEqual(nothing);
  podman.node.write(LIST, packaged);
});

test("podman network create: networks of both families that reach their own and the outside, and not each other", () => {
  const [blue, red] = ["blue", "red"].map((name, i) => {
    const subnets = ["--subnet", `10.89.${i}.0/24`, "--subnet", `fd89:${i}::/64`];
    podman.run(["network", "create", "--ipv6", ...subnets, "--opt", "isolate=true", name]);
    return (last: number) => `${name}:ip=10.89.${i}.${last},ip6=fd89:${i}::${last}`;
  });
  podman.serve("a", ["--network", blue?.(50) ?? ""]);
  podman.serve("b", ["--network", blue?.(51) ?? ""]);
  podman.serve("c", ["--network", red?.(50) ?? ""]);
  expect(podman.who("b", "10.89.0.50")).toEqual({ name: "a", client: "10.89.0.51" });
  expect(podman.who("b", "[fd89:0::50]")).toEqual({ name: "a", client: "fd89::51" });
  for (const name of ["a", "c"]) {
    expect(podman.who(name, "192.0.2.2")).toMatchObject({ client: "192.0.2.1" });
    expect(podman.who(name, "[2001:db8::2]")).toMatchObject({ client: "2001:db8::1" });
  }
  for (const address of ["10.89.0.50", "[fd89:0::50]"])
    expect(podman.node.try(["podman", "exec", "c", ...askWho(address, 2)])).toMatchObject({ status: 143, stdout: "" });
  podman.run(["rm", "--all", "--force", "--time", "0"]);
  podman.run(["network", "rm", "blue", "red"]);
  expect(podman.node.files("/sys/class/net")).toEqual(["cni-podman0", "lo", "uplink"]);
});
