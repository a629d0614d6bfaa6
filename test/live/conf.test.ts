import type { ChildProcess } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Caller, confDir, jsonOf } from "../caller.ts";
import { LISTS_IN_VM } from "../vm/kinds.ts";
import { ask, serveHello } from "./hello.ts";
import { rulesAbout } from "./masquerading.ts";

/** What a container finds at its gateways, and what else its list is for. */
interface Expectation {
  /** Those of the result unless given. */
  readonly gateways?: readonly string[];
  /** CHECK came with 0.4.0. */
  readonly check?: false;
  readonly ports?: true;
  readonly limits?: true;
  /** The address of a neighbour on the host's link eth0. */
  readonly neighbour?: string;
  /** A link that the host has before. */
  readonly device?: string;
}

/** A list that needs nothing of the host and is for nothing else need not be here. */
const LISTS: Readonly<Record<string, Expectation>> = {
  "10-bridge.conflist": { gateways: ["10.88.0.1"], ports: true },
  "20-dual-stack.conflist": { gateways: ["10.89.0.1", "fd00:10:89::1"], ports: true },
  "30-layer2.conflist": { gateways: [] },
  "40-rkt.conf": { gateways: ["10.1.0.1"], check: false },
  "50-cluster.conflist": { gateways: ["10.244.1.1", "fd00:10:244:1::1"], ports: true, limits: true },
  "60-static.conflist": { gateways: ["10.90.0.1", "fd00:10:90::1"] },
  "70-macvlan.conflist": { gateways: ["10.92.0.1"], neighbour: "10.92.0.1/24" },
  "60-ptp.conflist": { gateways: ["10.97.0.1", "fd00:10:97::1"], ports: true },
  "70-sbr.conflist": { gateways: ["10.95.0.1", "fd00:10:95::1"] },
  "80-host-device.conflist": { gateways: [], device: "ens11" },
  "85-tap.conflist": { gateways: [] },
  "buildkit/cni.conflist": { gateways: ["10.10.0.1"] },
  "containerd/10-containerd-net.conflist": { gateways: ["10.88.0.1", "fd00:10:88::1"], ports: true, limits: true },
  "cri-o/10-crio-bridge.conflist": { gateways: ["10.85.0.1", "fd00:10:85::1"], limits: true },
  "cri-o/11-crio-ipv4-bridge.conflist": { gateways: ["10.85.0.1"], limits: true },
  "k3s/10-k3s.conflist": { gateways: ["10.42.0.1"], ports: true, limits: true },
  "kube-router/10-kuberouter.conflist": { gateways: ["10.244.0.1"], ports: true },
  "minikube/1-k8s.conflist": { gateways: ["10.244.0.1"], ports: true },
  "nerdctl/nerdctl-bridge.conflist": { gateways: ["10.4.0.1"], ports: true },
  "nomad/nomad.conflist": { gateways: ["172.26.64.1"], ports: true },
  "podman/87-podman-bridge.conflist": { gateways: ["10.88.0.1"], ports: true },
};

/** Run beside a DHCP server, by dhcp.test.ts. */
const ELSEWHERE = ["60-lan.conflist"];

/** The network lists of `conf` that are run here. */
const HERE = fs
  .globSync("**/*.{conf,conflist}", { cwd: confDir })
  .filter((file) => !ELSEWHERE.includes(file) && !(file in LISTS_IN_VM))
  .sort();

/** What a runtime asks for by capabilities. */
const CAP_ARGS = JSON.stringify({
  portMappings: [{ hostPort: 18080, containerPort: 80, protocol: "tcp" }],
  bandwidth: { ingressRate: 80_000_000, ingressBurst: 8_000_000, egressRate: 80_000_000, egressBurst: 8_000_000 },
});

function read(file: string) {
  return JSON.parse(fs.readFileSync(path.join(confDir, file), "utf8"));
}

/** The gateways that are expected, or else those that the result names. */
function gatewaysOf(result: unknown, { gateways }: Expectation): readonly string[] {
  const ips: readonly { gateway?: string }[] = Object(result).ips ?? [];
  return gateways ?? ips.flatMap(({ gateway }) => gateway ?? []);
}

/** What is left on the host but the bridge and each pool's last address. */
function left(caller: Caller, network: string) {
  const leases = caller.files(`networks/${network}`).filter((name) => !/^last_reserved_ip|^lock$|^\./.test(name));
  const links = caller.lab.ip("link show").map((link) => String(Object(link).ifname));
  const rules = rulesAbout(caller.lab, "cnitool-");
  return { leases, results: caller.files("results"), links: links.filter((name) => /^(veth|bwp)/.test(name)), rules };
}

/** Gives the host a link eth0 to a neighbour with that address. */
function addNeighbour(lab: Caller["lab"], address: string): void {
  const outside = lab.addNamespace("outside");
  lab.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "lan0", "netns", outside]);
  lab.run(["ip", "link", "set", "eth0", "up"]);
  lab.run(["ip", "address", "add", address, "dev", "lan0"], outside);
  lab.run(["ip", "link", "set", "lan0", "up"], outside);
}

describe("conf", () => {
  let caller: Caller;
  let server: ChildProcess | undefined;
  beforeEach(() => {
    caller = new Caller();
  });
  afterEach(() => {
    server?.kill();
    server = undefined;
    caller.dispose();
  });

  it("has lists alone, which are run here or elsewhere, and all that are named", () => {
    const entries = fs.readdirSync(confDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const files = entries.map((entry) => path.relative(confDir, path.join(entry.parentPath, entry.name)));
    // The units are run by the tests of the commands in them, and the template by that of containerd.
    const isList = (file: string) => path.dirname(file) !== "systemd" && !file.endsWith(".template");
    const elsewhere = [...ELSEWHERE, ...Object.keys(LISTS_IN_VM)];
    expect([...HERE, ...elsewhere].sort()).toEqual(files.filter(isList).sort());
    expect(Object.keys(LISTS).filter((file) => !HERE.includes(file))).toEqual([]);
  });

  it("has no two networks of one name in a folder, of which the second would be nobody's", () => {
    const lists = [...HERE, ...ELSEWHERE, ...Object.keys(LISTS_IN_VM)];
    const names = lists.map((file) => path.join(path.dirname(file), read(file).name));
    expect(new Set(names).size).toBe(lists.length);
  });

  it.each(HERE.map((file) => [file, LISTS[file] ?? {}] as const))(
    "%s attaches, carries traffic and detaches as it stands",
    async (file, expected) => {
      const { name } = read(file);
      const { lab } = caller;
      if (expected.neighbour !== undefined) addNeighbour(lab, expected.neighbour);
      const netns = lab.addNamespace("c1");
      if (expected.device !== undefined) lab.run(["ip", "link", "add", expected.device, "type", "ifb"]);
      const variables = { NETCONFPATH: path.dirname(path.join(confDir, file)), CAP_ARGS };
      const run = (command: string) => caller.cnictl([command, name, netns], variables);
      const gateways = gatewaysOf(jsonOf(run("add")), expected);
      if (expected.check !== false) expect(run("check")).toMatchObject({ status: 0, stdout: "", stderr: "" });
      for (const gateway of gateways) lab.run(["ping", "-n", "-c1", "-w5", gateway], netns);
      if (expected.limits === true)
        expect(lab.run(["tc", "qdisc", "show"]).match(/tbf .* rate 80Mbit/g)).toHaveLength(2);
      if (expected.ports === true) {
        server = await serveHello(netns);
        for (const address of gateways) expect(ask(lab, address, 18080), address).toBe("hello");
      }
      expect(run("del")).toMatchObject({ status: 0, stdout: "", stderr: "" });
      expect(left(caller, name)).toEqual({ leases: [], results: [], links: [], rules: [] });
      expect(lab.ip("link show", netns)).toHaveLength(1);
    },
  );
});
