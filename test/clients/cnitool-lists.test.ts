import type { ChildProcess } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Caller, jsonOf } from "../caller.ts";
import { ask, serveHello } from "../live/hello.ts";
import { addOutside, OUTSIDE, rulesAbout } from "../live/masquerading.ts";
import { referenceDir } from "../parity/reference.ts";

/**
 * The lists of runtimes, as they are published; where a runtime fills in a subnet, with its usual one. Of flannel's it is what its plugin
 * delegates: the list behind it, with the configuration that it writes for `bridge` in its own place.
 */
const published = path.join(import.meta.dirname, "published");

interface Expectation {
  /** The container's addresses. */
  readonly ips: readonly string[];
  /** The host's address on the bridge. */
  readonly gateway: string;
  readonly ports?: boolean;
  /** What the host forwards to the outside comes from an address of its own. */
  readonly outside?: boolean;
  readonly limits?: boolean;
}

const LISTS: Readonly<Record<string, Expectation>> = {
  "1-k8s.conflist": { ips: ["10.244.0.2/16"], gateway: "10.244.0.1", ports: true, outside: true },
  "10-containerd-net.conflist": {
    ips: ["10.88.0.2/16", "2001:4860:4860::2/64"],
    gateway: "10.88.0.1",
    ports: true,
    outside: true,
  },
  "10-crio-bridge.conflist": { ips: ["10.85.0.2/16", "1100:200::2/24"], gateway: "10.85.0.1", outside: true },
  "10-flannel-k3s.conflist": { ips: ["10.42.0.2/24"], gateway: "10.42.0.1", ports: true, outside: true, limits: true },
  "10-flannel.conflist": { ips: ["10.244.0.2/24"], gateway: "10.244.0.1", ports: true },
  "10-kuberouter.conflist": { ips: ["10.244.1.2/24"], gateway: "10.244.1.1", ports: true },
  "11-crio-ipv4-bridge.conflist": { ips: ["10.85.0.2/16"], gateway: "10.85.0.1", outside: true },
  "87-podman-bridge.conflist": { ips: ["10.88.0.2/16"], gateway: "10.88.0.1", ports: true, outside: true },
  "buildkit.conflist": { ips: ["10.10.0.2/16"], gateway: "10.10.0.1", outside: true },
  "nerdctl-bridge.conflist": { ips: ["10.4.0.2/24"], gateway: "10.4.0.1", ports: true, outside: true },
  "nomad.conflist": { ips: ["172.26.64.2/20"], gateway: "172.26.64.1", ports: true, outside: true },
};

const CAPABILITIES = {
  portMappings: [{ hostPort: 18080, containerPort: 80, protocol: "tcp" }],
  bandwidth: { ingressRate: 80_000_000, ingressBurst: 8_000_000, egressRate: 80_000_000, egressBurst: 8_000_000 },
};

/** What runtimes say besides; podman's `--ip` and `--mac-address` are the same with more in it. */
const ARGS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=pod1";

let caller: Caller;
let netns: string;
let cnitoolFile: string;
let server: ChildProcess | undefined;

beforeAll(() => {
  cnitoolFile = path.join(referenceDir(), "cnitool");
}, 300_000);

beforeEach(() => {
  caller = new Caller();
  netns = caller.lab.addNamespace("c1");
});

afterEach(() => {
  server?.kill();
  server = undefined;
  caller.dispose();
});

/** The lab's folder of lists with one of the published ones in it, in another version or otherwise changed. */
function prepare(
  file: string,
  changes: object = {},
): { name: string; call: (command: string, more?: object) => unknown } {
  const folder = path.join(caller.lab.dir, "net.d");
  fs.mkdirSync(folder);
  const list = { ...JSON.parse(fs.readFileSync(path.join(published, file), "utf8")), ...changes };
  fs.writeFileSync(path.join(folder, file), JSON.stringify(list));
  const variables = { NETCONFPATH: folder, CNI_ARGS: ARGS, CAP_ARGS: JSON.stringify(CAPABILITIES) };
  const call = (command: string, more: object = {}) => {
    const outcome = caller.run([cnitoolFile, command, list.name, netns], { ...variables, ...more });
    if (command === "add") return jsonOf(outcome);
    expect(outcome, command).toMatchObject({ status: 0, stdout: "", stderr: "" });
    return undefined;
  };
  return { name: list.name, call };
}

/** All that is left of the container, on the host and in itself. */
function left(network: string, ips: readonly string[]) {
  const { lab } = caller;
  return {
    links: lab
      .ip("link show")
      .flatMap((link) => (/^(veth|bwp)/.test(Object(link).ifname) ? [Object(link).ifname] : [])),
    leases: caller.files(`networks/${network}`).filter((name) => /^[\da-f]+[.:]/.test(name)),
    results: caller.files("results"),
    rules: rulesAbout(lab, "cnitool-", ...ips.map((ip) => ip.replace(/\/.*/, ""))),
    inside: lab.ip("link show", netns).map((link) => Object(link).ifname),
  };
}

const NOTHING = { links: [], leases: [], results: [], rules: [], inside: ["lo"] };

describe("cnitool with the published list", () => {
  it("of every runtime that is told here", () => {
    expect(fs.readdirSync(published).sort()).toEqual(Object.keys(LISTS));
  });

  describe.each(Object.entries(LISTS))("%s", (file, expected) => {
    it("adds, carries traffic, checks and deletes, and leaves nothing", async () => {
      addOutside(caller.lab);
      const { name, call } = prepare(file);
      const result = Object(call("add"));
      expect(result.ips.map(({ address }: { address: string }) => address)).toEqual(
        expect.arrayContaining([...expected.ips]),
      );
      await carriesTraffic(expected);
      if (!result.cniVersion.startsWith("0.3")) call("check");
      call("del");
      expect(left(name, expected.ips)).toEqual(NOTHING);
      call("del");
    });

    it("answers STATUS, and GC removes the attachment, in 1.1.0", () => {
      const { name, call } = prepare(file, { cniVersion: "1.1.0" });
      call("status");
      call("add");
      call("check");
      call("gc");
      expect(left(name, expected.ips)).toEqual(NOTHING);
    });
  });
});

async function carriesTraffic({ gateway, ips, ports, outside, limits }: Expectation): Promise<void> {
  const { lab } = caller;
  lab.run(["ping", "-n", "-c1", "-W5", gateway], netns);
  if (outside === true) lab.run(["ping", "-n", "-c1", "-W5", OUTSIDE[4]], netns);
  if (limits === true) expect(lab.run(["tc", "qdisc", "show"]).match(/qdisc tbf .* rate 80Mbit/g)).toHaveLength(2);
  if (ports !== true) return;
  server = await serveHello(netns);
  for (const address of [gateway, "127.0.0.1"]) expect(ask(lab, address, 18080), address).toBe("hello");
  expect(ask(lab, "203.0.113.1", 18080, `/run/netns/${lab.id}-outside`)).toBe("hello");
  if (ips.length > 1) expect(ask(lab, "2001:db8:f::1", 18080, `/run/netns/${lab.id}-outside`)).toBe("hello");
}

describe("podman's list", () => {
  const file = "87-podman-bridge.conflist";

  it("takes an address and a MAC from CNI_ARGS", () => {
    const { name, call } = prepare(file);
    const args = `${ARGS};IP=10.88.0.50;MAC=02:00:00:00:00:50`;
    const result = Object(call("add", { CNI_ARGS: args }));
    expect(result.ips[0].address).toBe("10.88.0.50/16");
    expect(insideMac()).toBe("02:00:00:00:00:50");
    call("del", { CNI_ARGS: args });
    expect(left(name, ["10.88.0.50"])).toEqual(NOTHING);
  });

  it("takes them from the capabilities that podman's own networks have", () => {
    const { plugins } = JSON.parse(fs.readFileSync(path.join(published, file), "utf8"));
    const [bridge, portmap, firewall, tuning] = plugins;
    const changed = [
      { ...bridge, capabilities: { ips: true } },
      portmap,
      firewall,
      { ...tuning, capabilities: { mac: true } },
    ];
    const { name, call } = prepare(file, { plugins: changed });
    const CAP_ARGS = JSON.stringify({ ...CAPABILITIES, ips: ["10.88.0.51"], mac: "02:00:00:00:00:51" });
    const result = Object(call("add", { CAP_ARGS }));
    expect(result.ips[0].address).toBe("10.88.0.51/16");
    expect(result.interfaces.at(2).mac).toBe("02:00:00:00:00:51");
    expect(insideMac()).toBe("02:00:00:00:00:51");
    call("check", { CAP_ARGS });
    call("del", { CAP_ARGS });
    expect(left(name, ["10.88.0.51"])).toEqual(NOTHING);
  });

  /** The MAC of the container's interface. */
  function insideMac(): string {
    return Object(caller.lab.ip("link show dev eth0", netns)[0]).address;
  }
});
