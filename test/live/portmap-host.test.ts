import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { referenceDir } from "../parity/reference.ts";
import { rulesAbout, traced, type Variant } from "./masquerading.ts";
import { BRIDGE, type Container, HOST, type Mapping, OUTSIDE, type PortmapCall, PortmapLab } from "./portmap.ts";
import { errorOf } from "./traces.ts";

const WEB = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const DNS = { hostPort: 5353, containerPort: 53, protocol: "udp" };

/** What only a mapping leaves in the host's rules, whoever made it. */
const TRACES = ["10.88.0.2", "10.88.0.3", "fd00:88::2", "fd00:88::3", '"net1', "net: net1", "CNI-DN-", "from_"];

let lab: PortmapLab;
let c1: Container;
let c2: Container;

beforeAll(async () => {
  lab = new PortmapLab();
  c1 = await lab.container("c1", [80]);
  c2 = await lab.container("c2", [80]);
});
afterEach(() => {
  for (const container of [c1, c2]) succeed("DEL", container);
});
afterAll(() => lab?.dispose());

function succeed(command: string, container: Container, mappings: readonly Mapping[] = [], more: PortmapCall = {}) {
  const outcome = lab.portmap(command, container, mappings, more);
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  return outcome.stdout;
}

function refuse(command: string, container: Container, mappings: readonly Mapping[] = [], more: PortmapCall = {}) {
  return errorOf(lab.portmap(command, container, mappings, more));
}

describe("portmap", () => {
  it("starts no process on nftables, in ADD, CHECK and DEL", () => {
    for (const command of ["ADD", "CHECK", "DEL"]) {
      const { outcome, started } = traced(lab, "portmap", lab.call(command, c1, [WEB, DNS]));
      expect(outcome).toMatchObject({ status: 0 });
      expect(started).toEqual(["portmap"]);
    }
  });

  it("starts three commands for each family on iptables, two more for a host's first port, and none in DEL where nf_tables keeps the rules", () => {
    const more: PortmapCall = { config: { backend: "iptables" }, variant: "nft" };
    const three = (tool: string) => [tool, tool, `${tool}-restore`];
    for (const guard of [1, 0]) {
      const add = traced(lab, "portmap", lab.call("ADD", c1, [WEB], more));
      expect(add.outcome).toMatchObject({ status: 0 });
      const commands = add.started.filter((name) => name.startsWith("ip"));
      const expected = ["iptables", "ip6tables"].flatMap((tool) => [
        ...three(tool),
        ...three(tool).slice(3 - 2 * guard),
      ]);
      expect(commands.sort()).toEqual(expected.sort());
      const del = traced(lab, "portmap", lab.call("DEL", c1, [WEB], more));
      expect(del.started).toEqual(["portmap"]);
      expect(rulesAbout(lab, ...TRACES)).toEqual([]);
    }
  });

  it("takes keys in any case, as containerd writes them, and TCP where there is no protocol", () => {
    succeed("ADD", c1, [{ HostPort: 8080, ContainerPort: 80, Protocol: "", HostIP: "" }]);
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c1 ${OUTSIDE[4]}`);
    expect(lab.ask(lab.outside, HOST[6], 8080)).toBe(`c1 ${OUTSIDE[6]}`);
  });

  it("does nothing without mappings but to hand on the result", () => {
    const before = lab.run(["nft", "--stateless", "list", "ruleset"]);
    expect(JSON.parse(succeed("ADD", c1, []))).toEqual(c1.prevResult);
    succeed("CHECK", c1, []);
    succeed("DEL", c1, []);
    expect(lab.run(["nft", "--stateless", "list", "ruleset"])).toBe(before);
  });

  it("is refused where it is not chained", () => {
    const { code, msg } = refuse("ADD", c1, [WEB], { config: { prevResult: undefined } });
    expect({ code, msg }).toEqual({ code: 7, msg: "must be called as chained plugin" });
  });

  it("maps ports of SCTP, of which the rules alone can be seen on a kernel without it", () => {
    succeed("ADD", c1, [{ hostPort: 7000, containerPort: 70, protocol: "SCTP" }]);
    expect(rulesAbout(lab, "sctp . 7000").map((line) => line.replace(/^elements = \{ |comment "[^"]*" /g, ""))).toEqual(
      [
        "sctp . 7000 : goto from_10.88.0.0/24_0x2000 }",
        "sctp . 7000 : 10.88.0.2 . 70 }",
        "sctp . 7000 : goto from_fd00-88--/64_0x2000 }",
        "sctp . 7000 : fd00:88::2 . 70 }",
      ],
    );
  });

  it("refuses a connection to ::1 at once, for which IPv6 has no route_localnet", () => {
    succeed("ADD", c1, [WEB]);
    const { stderr } = lab.try(["bash", "-c", "exec 3<>/dev/tcp/::1/8080"]);
    expect(stderr).toContain("Connection refused");
  });

  it("maps a thousand ports, as a range of a runtime's is", () => {
    const mappings = Array.from({ length: 1000 }, (_, i) => ({ ...WEB, hostPort: 9000 + i }));
    succeed("ADD", c1, mappings);
    expect([9000, 9999].map((port) => lab.ask(lab.host, BRIDGE[6], port))).toEqual([
      `c1 ${BRIDGE[6]}`,
      `c1 ${BRIDGE[6]}`,
    ]);
    succeed("DEL", c1);
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
  });

  it("marks by the operator's chain where there is one", () => {
    lab.run([
      "sh",
      "-ec",
      "for t in iptables ip6tables; do $t-nft -t nat -N OURS; $t-nft -t nat -A OURS -j MARK --set-xmark 0x2000/0x2000; done",
    ]);
    const more: PortmapCall = { config: { externalSetMarkChain: "OURS" }, variant: "nft" };
    succeed("ADD", c1, [WEB], more);
    succeed("CHECK", c1, [WEB], more);
    expect(rulesAbout(lab, "jump OURS").length).toBeGreaterThan(0);
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c1 ${OUTSIDE[4]}`);
  });
});

describe.each([
  ["iptables", "nftables", "nft"],
  ["iptables", "nftables", "legacy"],
  ["nftables", "iptables", "nft"],
] as const)("a port mapped with %s", (first, second, variant) => {
  it(`is refused to another attachment with ${second} (${variant})`, () => {
    succeed("ADD", c1, [WEB], { config: { backend: first }, variant });
    const { code, msg } = refuse("ADD", c2, [{ ...WEB, hostIP: HOST[6] }], { config: { backend: second }, variant });
    expect({ code, msg }).toEqual({
      code: 111,
      msg: `Cannot map [${HOST[6]}]:8080/tcp: [::]:8080/tcp is mapped to [fd00:88::2]:80, interface "eth0" of container "c1" on network "net1"`,
    });
  });
});

it("a port is mapped with nftables where the rules of iptables cannot be listed", () => {
  succeed("ADD", c1, [WEB], { config: { backend: "iptables" }, variant: "nft" });
  const wrapper = ["unshare", "--mount", "sh", "-ec", `mount -t tmpfs none /usr/sbin; PATH=/nowhere exec "$@"`, "sh"];
  succeed("ADD", c2, [{ ...WEB, hostPort: 8081 }], { wrapper });
  expect(lab.ask(lab.outside, HOST[4], 8081)).toBe(`c2 ${OUTSIDE[4]}`);
});

describe("GC", () => {
  const list = (valid: readonly object[]) => ({ cniVersion: "1.1.0", "cni.dev/valid-attachments": valid });

  it.each([
    ["nftables", "nft"],
    ["iptables", "nft"],
    ["iptables", "legacy"],
  ] as const)("ends what is not valid of its network, and nothing of another's: %s, %s", (backend, variant) => {
    const config = { backend };
    succeed("ADD", c1, [WEB], { config, variant });
    succeed("ADD", c2, [{ ...WEB, hostPort: 8081 }], { config, variant });
    succeed("ADD", c1, [{ ...WEB, hostPort: 8082 }], { config: { ...config, name: "net2" }, variant });
    const answering = () => [8080, 8081, 8082].filter((port) => lab.ask(lab.outside, HOST[4], port) !== "");
    succeed("GC", c1, [], { config: { ...config, cniVersion: "1.1.0", prevResult: undefined }, variant });
    expect(answering()).toEqual([8080, 8081, 8082]);
    const valid = [{ containerID: "c2", ifname: "eth0" }];
    succeed("GC", c1, [], { config: { ...config, ...list(valid), prevResult: undefined }, variant });
    expect(answering()).toEqual([8081, 8082]);
    succeed("GC", c1, [], { config: { ...config, ...list([]), prevResult: undefined }, variant });
    expect(answering()).toEqual([8082]);
    succeed("DEL", c1, [], { config: { name: "net2" }, variant });
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
  });
});

describe("STATUS", () => {
  const config = (more: object) => ({ config: { cniVersion: "1.1.0", prevResult: undefined, ...more } });

  it("is well where ports can be mapped, and changes nothing", () => {
    lab.run(["nft", "flush", "ruleset"]);
    for (const backend of [undefined, "nftables", "iptables"]) succeed("STATUS", c1, [], config({ backend }));
    expect(lab.run(["nft", "list", "ruleset"])).toBe("");
    succeed("ADD", c1, [WEB]);
    succeed("STATUS", c1, [], config({}));
  });

  it.each([
    [{ backend: "iptables" }, 'Cannot use backend "iptables": iptables-restore is neither in PATH nor in '],
    [
      { conditionsV4: ["ip", "saddr", "10.0.0.1"] },
      "Cannot use conditions with nftables: nft is neither in PATH nor in ",
    ],
  ])("says with code 50 what %j lacks", (more, message) => {
    const wrapper = ["unshare", "--mount", "sh", "-ec", `mount -t tmpfs none /usr/sbin; PATH=/nowhere exec "$@"`, "sh"];
    const { code, msg } = refuse("STATUS", c1, [], { ...config(more), wrapper });
    expect({ code, msg }).toEqual({ code: 50, msg: expect.stringContaining(message) });
  });
});

describe("what the reference plugin's ADD left", () => {
  const backends: readonly [string, Variant][] = [
    ["nftables", "nft"],
    ["iptables", "nft"],
    ["iptables", "legacy"],
  ];

  it.each(backends)("passes CHECK and is ended by DEL: %s, %s", (backend, variant) => {
    const config = { backend };
    succeed("ADD", c1, [WEB, DNS], { config, variant, bin: referenceDir() });
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c1 ${OUTSIDE[4]}`);
    if (backend === "nftables") succeed("CHECK", c1, [WEB, DNS], { config, variant });
    succeed("DEL", c1, [WEB, DNS], { variant });
    expect(rulesAbout(lab, ...TRACES, '"c1"')).toEqual([]);
  });

  it.each(backends)("is ended without portMappings and prevResult: %s, %s", (backend, variant) => {
    succeed("ADD", c1, [WEB, DNS], { config: { backend }, variant, bin: referenceDir() });
    succeed("ADD", c2, [{ ...WEB, hostPort: 8081 }], { config: { backend }, variant, bin: referenceDir() });
    const bare = { runtimeConfig: undefined, prevResult: undefined };
    succeed("DEL", c1, [], { config: bare, variant, netns: "" });
    expect(rulesAbout(lab, "10.88.0.2", "fd00:88::2", '"c1"')).toEqual([]);
    expect(lab.ask(lab.outside, HOST[4], 8081)).toBe(`c2 ${OUTSIDE[4]}`);
  });

  it("of another network of the container's stays, where the addresses are known", () => {
    const other = { prevResult: { cniVersion: "1.0.0", ips: [{ address: "10.88.0.99/24" }] }, name: "net2" };
    succeed("ADD", c1, [WEB], { config: { backend: "nftables" }, bin: referenceDir() });
    succeed("DEL", c1, [{ ...WEB, hostPort: 8082 }], { config: other });
    succeed("DEL", c1, [], { config: { ...other, runtimeConfig: undefined } });
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c1 ${OUTSIDE[4]}`);
  });

  it("is refused to another as well, with the reference plugin's nftables backend, and not to the container itself", () => {
    succeed("ADD", c1, [WEB, { ...DNS, hostIP: HOST[4] }], { config: { backend: "nftables" }, bin: referenceDir() });
    for (const backend of ["nftables", "iptables"]) {
      expect(refuse("ADD", c2, [WEB], { config: { backend } })).toMatchObject({
        code: 111,
        msg: 'Cannot map 0.0.0.0:8080/tcp: it is mapped to 10.88.0.2:80, container "c1"',
      });
      expect(refuse("ADD", c2, [DNS], { config: { backend } })).toMatchObject({ code: 111 });
    }
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c1 ${OUTSIDE[4]}`);
    succeed("ADD", c2, [{ ...WEB, hostPort: 8081 }]);
    succeed("ADD", c1, [WEB]);
    for (const container of [c1, c2]) succeed("DEL", container, [WEB, DNS]);
    succeed("ADD", c2, [WEB]);
  });

  it.each(["nft", "legacy"] as const)("is refused to another as well (%s)", (variant) => {
    succeed("ADD", c1, [WEB], { config: { backend: "iptables" }, variant, bin: referenceDir() });
    expect(refuse("ADD", c2, [WEB], { variant })).toMatchObject({
      code: 111,
      msg: 'Cannot map 0.0.0.0:8080/tcp: it is mapped to 10.88.0.2:80, container "c1" on network "net1"',
    });
  });
});
