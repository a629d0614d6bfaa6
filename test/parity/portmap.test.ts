import { type ChildProcess, spawn } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import { CLIENT, SERVER } from "../live/portmap.ts";
import type { Departure } from "./difference.ts";
import { network } from "./networks.ts";
import { expectTwins, type Side, type StepOptions } from "./twins.ts";

const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00::/64" }]];
const WEB = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const DNS = { hostPort: 5353, containerPort: 53, protocol: "udp" };
const BACKENDS = ["iptables", "nftables"] as const;

const CODE: readonly Departure[] = [
  { path: /CHECK c1 error$/, reference: 999, ours: 104, reason: "What CHECK finds has a code of its own" },
];

let servers: ChildProcess[] = [];
afterEach(() => {
  for (const server of servers) server.kill("SIGKILL");
  servers = [];
});

/** A container on a bridge in hairpin mode, with servers that answer with its name; returns what portmap is chained to. */
function attach(side: Side, container = "c1"): unknown {
  const config = network(side, { cniVersion: "1.0.0", ranges, hairpinMode: true });
  const prevResult = side.add({ ...config, isDefaultGateway: true, isGateway: true }, { containerId: container });
  const argv = [`--net=${side.netns(container)}`, "--", process.execPath, "-e", SERVER, container, "80", "53"];
  servers.push(spawn("nsenter", argv, { stdio: "ignore" }));
  for (const deadline = Date.now() + 10_000; ask(side, side.lab.host, addressOf(prevResult), 80) === ""; )
    if (Date.now() > deadline) throw new Error(`The servers of ${container} do not come up`);
  return prevResult;
}

function addressOf(result: unknown): string {
  return Object(result).ips[0].address.split("/")[0];
}

function ask(side: Side, netns: string, to: string, port: number): string {
  const script = `exec 3<>/dev/tcp/${to}/${port} || exit; timeout 1 dd bs=512 count=1 status=none <&3`;
  return side.lab.try(["timeout", "2", "bash", "-c", script], netns).stdout.trim().replace(/ .*/, "");
}

/** Over UDP from one and the same port, as who sends all the time does. */
function askFrom(side: Side, netns: string, to: string): string {
  const asked = JSON.stringify([{ port: 40_001, to, toPort: 5353 }]);
  const [answer = ""] = JSON.parse(side.lab.run([process.execPath, "-e", CLIENT, asked], netns));
  return answer.replace(/ .*/, "");
}

function portmap(backend: string, prevResult: unknown, mappings: readonly object[], more: object = {}) {
  const runtimeConfig = { portMappings: mappings };
  return { cniVersion: "1.0.0", name: "testConfig", type: "portmap", backend, runtimeConfig, prevResult, ...more };
}

const chained: StepOptions = { plugin: "portmap" };

/** What the tables of iptables say, but for names of chains, which ours has for each interface, and what ours says or does besides. */
function rules(side: Side): Record<string, readonly string[]> {
  const dump = (tool: string) =>
    side.lab
      .run([tool])
      .split("\n")
      .filter((line) => /^(-A|:CNI)/.test(line) && !line.includes("CNI portfwd loopback"))
      .map((line) => line.replaceAll(/CNI-DN-\w+/g, "CHAIN").replace(' -m comment --comment "if: eth0"', ""))
      .map((line) => line.replace(/\[\d+:\d+\]/, "").trim());
  return { 4: dump("iptables-save"), 6: dump("ip6tables-save") };
}

describe.each(BACKENDS)("portmap maps like the reference, %s", (backend) => {
  it("G1: TCP directly, through the host's address, 127.0.0.1 and itself; nothing after DEL", () => {
    expectTwins((side) => {
      const prevResult = attach(side);
      const config = portmap(backend, prevResult, [WEB]);
      expect(side.add(config, chained)).toEqual(prevResult);
      side.check(config, chained);
      const netns = side.netns();
      const answers = () => [
        ask(side, side.lab.host, "10.1.2.2", 80),
        ...["10.1.2.1", "127.0.0.1", "fd00::1"].map((to) => ask(side, side.lab.host, to, 8080)),
        ...["10.1.2.1", "fd00::1"].map((to) => ask(side, netns, to, 8080)),
      ];
      side.note("answers", answers());
      expect(answers()).toEqual(["c1", "c1", "c1", "c1", "c1", "c1"]);
      side.del(config, chained);
      side.note("answers after DEL", answers());
      side.del(config, chained);
    });
  });

  it("G2: UDP of a sender that goes on, to the port's next container", () => {
    expectTwins((side) => {
      const [first, second] = [attach(side), attach(side, "c2")];
      side.add(portmap(backend, first, [DNS]), chained);
      const before = askFrom(side, side.lab.host, "10.1.2.1");
      side.del(portmap(backend, first, [DNS]), chained);
      side.add(portmap(backend, second, [DNS]), { ...chained, containerId: "c2" });
      const after = askFrom(side, side.lab.host, "10.1.2.1");
      side.note("answers", { before, after });
      expect({ before, after }).toEqual({ before: "c1", after: "c2" });
    });
  });

  it("N2: CHECK fails without rules, with some of them, and after DEL", () => {
    expectTwins(
      (side) => {
        const prevResult = attach(side);
        const config = portmap(backend, prevResult, [WEB]);
        side.check(config, { ...chained, fails: true });
        side.add({ ...config, snat: false }, chained);
        side.check({ ...config, snat: false }, chained);
        side.check(config, { ...chained, fails: true });
        side.del(config, chained);
        side.add(config, chained);
        side.check(config, chained);
        side.del(config, chained);
        side.check(config, { ...chained, fails: true });
      },
      { departures: CODE },
    );
  });

  it("N3 to N6: masqAll, and ADD twice", () => {
    expectTwins((side) => {
      const config = portmap(backend, attach(side), [WEB], { masqAll: true });
      side.add(config, chained);
      side.add(config, chained);
      side.check(config, chained);
      side.note("answer", { host: ask(side, side.lab.host, "10.1.2.1", 8080) });
      side.del(config, chained);
    });
  });

  it("refuses the same configurations", () => {
    const refused: readonly [string, string, object][] = [
      ["not chained", "ADD", { prevResult: undefined }],
      ["no port", "ADD", { runtimeConfig: { portMappings: [{ ...WEB, hostPort: 0 }] } }],
      ["no container port", "ADD", { runtimeConfig: { portMappings: [{ ...WEB, containerPort: -1 }] } }],
      ["an impossible mark", "ADD", { markMasqBit: 32 }],
      ["marked in two ways", "ADD", { markMasqBit: 3, externalSetMarkChain: "X" }],
      ["an unknown backend", "ADD", { backend: "ipvs" }],
      ["no result to check", "CHECK", { prevResult: undefined }],
    ];
    expectTwins((side) => {
      const prevResult = side.add(network(side, { cniVersion: "1.0.0", ranges }));
      for (const [what, command, more] of refused) {
        const config = portmap(backend, prevResult, [WEB], more);
        const { status } = side.lab.plugin("portmap", { bin: side.bin, command, netns: side.netns(), config });
        side.note(what, { status });
        expect(status, what).toBe(1);
      }
    });
  });

  it("does nothing without mappings", () => {
    expectTwins((side) => {
      const prevResult = side.add(network(side, { cniVersion: "1.0.0", ranges }));
      for (const command of ["ADD", "CHECK", "DEL"]) side.step(command, portmap(backend, prevResult, []), chained);
    });
  });
});

describe("portmap has the reference's rules of iptables", () => {
  const mappings = [
    WEB,
    { ...WEB, hostPort: 8081 },
    { ...DNS, hostPort: 8080 },
    { ...WEB, hostPort: 8083, hostIP: "192.168.0.2" },
    { ...WEB, hostPort: 8084, hostIP: "0.0.0.0" },
    { ...WEB, hostPort: 8085, hostIP: "2001:db8:a::1" },
    { ...WEB, hostPort: 8086, hostIP: "::" },
    ...Array.from({ length: 20 }, (_, i) => ({ ...WEB, hostPort: 9000 + i })),
  ];

  it.each([
    ["I1: as they come", {}],
    ["I1: without snat", { snat: false }],
    ["with masqAll", { masqAll: true }],
    ["I4: with another mark", { markMasqBit: 5 }],
    ["I1: with conditions", { conditionsV4: ["!", "-s", "192.0.2.0/24"], conditionsV6: ["-s", "2001:db8::/32"] }],
  ])("%s", (_how, more) => {
    expectTwins((side) => {
      const prevResult = side.add(network(side, { cniVersion: "1.0.0", ranges, isGateway: true }));
      const config = portmap("iptables", prevResult, mappings, more);
      side.add(config, chained);
      side.note("rules", rules(side));
      side.add(config, chained);
      side.note("rules after ADD again", rules(side));
      side.del(config, chained);
      side.note("rules after DEL", rules(side));
    });
  });

  it("Ch1, Ch3: a stranger's rule in the shared chain stays", () => {
    expectTwins((side) => {
      side.lab.run([
        "sh",
        "-ec",
        "iptables -t nat -N CNI-HOSTPORT-DNAT; iptables -t nat -A CNI-HOSTPORT-DNAT -d 192.0.2.9 -j RETURN",
      ]);
      const prevResult = side.add(network(side, { cniVersion: "1.0.0", ranges, isGateway: true }));
      const config = portmap("iptables", prevResult, [WEB]);
      side.add(config, chained);
      side.note("rules", rules(side));
      side.del(config, chained);
      side.note("rules after DEL", rules(side));
    });
  });
});
