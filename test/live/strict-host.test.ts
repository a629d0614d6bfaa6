import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab } from "../lab.ts";
import { addOutside, OUTSIDE } from "./masquerading.ts";
import { HOST, SERVER } from "./portmap.ts";

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(() => lab.dispose());

/** RFC 4861, 4.2 and 4.6.2 */
const ROUTER = `
import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix = struct.pack("!BBBBIII16s", 3, 4, 64, 0xc0, 3600, 3600, 0, socket.inet_pton(socket.AF_INET6, "2001:db8:1::"))
index = socket.if_nametoindex(sys.argv[1])
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix, ("ff02::1", 0, 0, index))
`;

describe("a host whose IPv6 default route is a router's advertisement", () => {
  const value = (link: string, name: string) => lab.run(["cat", `/proc/sys/net/ipv6/conf/${link}/${name}`]).trim();

  /** Advertises until the host has what is advertised. */
  function advertise(router: string): void {
    let sent = lab.try(["true"]);
    for (const deadline = Date.now() + 30_000; lab.ip("-6 route show default").length === 0; ) {
      if (Date.now() > deadline) throw new Error(`No default route by a router's advertisement: ${sent.stderr}`);
      // It fails until the kernel has noticed the carrier.
      sent = lab.try(["python3", "-c", ROUTER, "lan0"], router);
      lab.run(["sleep", "0.1"]);
    }
  }

  it("keeps it, its address and links that take none, when the first container comes", () => {
    const router = lab.addNamespace("router");
    lab.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "lan0", "netns", router]);
    lab.run(["ip", "link", "add", "up1", "type", "bridge"]);
    lab.run(["sysctl", "-qw", "net.ipv6.conf.up1.accept_ra=0"]);
    lab.run(["ip", "link", "set", "lan0", "addrgenmode", "none"], router);
    lab.run(["ip", "address", "add", "fe80::1/64", "dev", "lan0", "nodad"], router);
    lab.run(["ip", "link", "set", "lan0", "up"], router);
    lab.run(["ip", "link", "set", "up0", "up"]);
    lab.run(["ip", "link", "set", "up1", "up"]);
    advertise(router);
    const netns = lab.addNamespace("c1");
    const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
    const ipam = { type: "host-local", dataDir: lab.dataDir, ranges };
    const config = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipam };
    expect(lab.plugin("bridge", { command: "ADD", config, netns })).toMatchObject({ status: 0, stderr: "" });
    expect(value("all", "forwarding")).toBe("1");
    expect(lab.ip("-6 route show default")).toMatchObject([{ dev: "up0", gateway: "fe80::1", protocol: "ra" }]);
    expect([value("up0", "accept_ra"), value("up1", "accept_ra"), value("br0", "accept_ra")]).toEqual(["2", "0", "0"]);
    expect(value("default", "accept_ra")).toBe("1");
    lab.run(["ip", "-6", "route", "del", "default"]);
    advertise(router);
  });
});

/** What stricter hosts have set before the first container comes, and what ADD may say of it. */
const HOSTS: readonly { host: string; commands: readonly string[]; sentence?: RegExp }[] = [
  {
    host: "with rp_filter strict",
    commands: ["sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1"],
  },
  {
    host: "that forwards nothing, on no link",
    commands: ["sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0"],
  },
  {
    host: "that switches forwarding on for each link",
    commands: [
      "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
      "sysctl -qw net.ipv4.conf.default.forwarding=0",
    ],
  },
  { host: "without IPv6 on new links", commands: ["sysctl -qw net.ipv6.conf.default.disable_ipv6=1"] },
  {
    host: "that takes no router advertisements",
    commands: ["sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0"],
  },
  { host: "with duplicate address detection everywhere", commands: ["sysctl -qw net.ipv6.conf.all.accept_dad=1"] },
  {
    host: "whose bridges call iptables",
    commands: [
      "sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1 net.bridge.bridge-nf-call-arptables=1",
    ],
  },
  {
    host: "whose iptables drops what it forwards, also between ports of a bridge",
    commands: [
      "iptables -P FORWARD DROP",
      "ip6tables -P FORWARD DROP",
      "sysctl -qw net.bridge.bridge-nf-call-iptables=1",
    ],
    sentence:
      /^Chain FORWARD of ip6?tables-nft has policy DROP: containers are cut off unless "firewall" stands behind "bridge"/,
  },
];

describe("two networks with published ports", () => {
  const servers: ChildProcess[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) server.kill();
  });

  /** Attaches a container to a network of its own by a whole list; returns what the plugins said on standard error. */
  async function attach(number: number): Promise<string> {
    const netns = lab.addNamespace(`c${number}`);
    const ranges = [[{ subnet: `10.88.${number}.0/24` }], [{ subnet: `fd00:88:${number}::/64` }]];
    const ipam = { type: "host-local", dataDir: lab.dataDir, ranges };
    const portMappings = [{ hostPort: 8080 + number, containerPort: 80, protocol: "tcp" }];
    const list = [
      { type: "bridge", bridge: `br${number}`, isDefaultGateway: true, ipMasq: true, hairpinMode: true, ipam },
      { type: "portmap", runtimeConfig: { portMappings } },
      { type: "firewall" },
    ];
    let prevResult: unknown;
    let said = "";
    for (const plugin of list) {
      const config = { cniVersion: "1.1.0", name: `net${number}`, ...plugin, ...(prevResult ? { prevResult } : {}) };
      const { status, stdout, stderr } = lab.plugin(plugin.type, {
        command: "ADD",
        config,
        netns,
        containerId: `c${number}`,
      });
      expect(status, stdout).toBe(0);
      prevResult = JSON.parse(stdout);
      said += stderr;
    }
    const server = spawn("nsenter", [`--net=${netns}`, "--", process.execPath, "-e", SERVER, `c${number}`, "80"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    servers.push(server);
    await once(server.stdout, "data");
    return said;
  }

  function ask(from: string, to: string, port: number): string {
    const script = `exec 3<>/dev/tcp/${to}/${port} || exit; timeout 3 dd bs=512 count=1 status=none <&3`;
    return lab.try(["timeout", "3", "bash", "-c", script], from).stdout.split(" ")[0] ?? "";
  }

  it.each(HOSTS)("work on a host $host", async ({ commands, sentence }) => {
    addOutside(lab);
    for (const command of commands) lab.run(command.split(" "));
    const said = [await attach(1), await attach(2)].join("");
    if (sentence === undefined) expect(said).toBe("");
    else for (const line of said.split("\n").slice(0, -1)) expect(line).toMatch(sentence);
    const outside = `/run/netns/${lab.id}-outside`;
    for (const family of [4, 6] as const) {
      for (const number of [1, 2]) {
        lab.run(["ping", "-c1", "-W3", OUTSIDE[family]], `/run/netns/${lab.id}-c${number}`);
        // Published ports are what ADD has said of such a host.
        if (sentence !== undefined) continue;
        expect(ask(outside, HOST[family], 8080 + number), `IPv${family}`).toBe(`c${number}`);
      }
    }
  });

  it("ADD of bridge and of firewall name a chain of nftables that drops", async () => {
    const ruleset =
      "add table inet strict; add chain inet strict gate { type filter hook forward priority 10; policy drop; }";
    lab.run(["nft", ruleset]);
    const said = await attach(1);
    expect(said).toContain("Chain gate of nftables table inet strict has policy drop: containers are cut off unless ");
    expect(said).toContain(
      "The container is cut off unless rules there accept its packets: chain gate of nftables table",
    );
  });

  it("ADD of bridge names an uplink that does not forward", async () => {
    addOutside(lab);
    lab.run(["ip", "route", "add", "default", "via", OUTSIDE[4]]);
    lab.run(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
    const [route] = lab.ip("route show default");
    lab.run(["sysctl", "-qw", `net.ipv4.conf.${Object(route).dev}.forwarding=0`]);
    expect(await attach(1)).toMatch(/^Link ".*" does not forward IPv4, so no answer comes to containers through it: /);
  });
});
