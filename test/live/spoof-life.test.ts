import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { binDir, type Call, Lab, type Outcome } from "../lab.ts";
import { arp, BROADCAST, ETHER, frame, received, sendFrames, udp } from "./frames.ts";
import { attacks, honest, type Party, party } from "./spoof-frames.ts";
import { errorOf, leaseFiles, spoofChecked } from "./traces.ts";

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(() => lab.dispose());

type Container = Party & { readonly netns: string; readonly port: string; readonly result: object };

function config(fields: object = { spoofchk: "strict" }, ipam: object = {}): Record<string, unknown> {
  const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
  const base = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true };
  return { ...base, ipam: { type: "host-local", dataDir: lab.dataDir, ranges, ...ipam }, ...fields };
}

function run(command: string, more: Partial<Call> = {}): Outcome {
  return lab.plugin("bridge", { command, config: config(), ...more });
}

function attach(containerId: string, more: Partial<Call> = {}): Container {
  const netns = more.netns ?? lab.addNamespace(containerId);
  const outcome = run("ADD", { containerId, netns, ...more });
  expect(outcome, outcome.stdout).toMatchObject({ status: 0, stderr: "" });
  const result = JSON.parse(outcome.stdout);
  const [ip, ip6] = result.ips.map((each: { address: string }) => each.address.replace(/\/.*/, ""));
  return { ...party(result.interfaces[2].mac, ip, ip6), netns, port: result.interfaces[1].name, result };
}

function gatewayOf(): Party {
  return party(Object(lab.ip("link show dev br0")[0]).address, "10.88.0.1", "fd00:88::1");
}

/** Whose elements there are, each as often as it has some, by the container's id. */
function checked(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const comment of spoofChecked(lab)) {
    const id = /, id: (\w+)$/.exec(comment)?.[1] ?? comment;
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

function gone(netns: string): Partial<Call> {
  lab.deleteNamespace(netns);
  return { netns };
}

/** A port and its MAC, the link-local and the two other addresses. */
const STRICT = 5;

const quiet = { status: 0, stdout: "", stderr: "" };

describe("the check of a container's frames", () => {
  it("has the rules of an earlier version replaced by the next ADD, for the ports that are there as well", () => {
    const first = attach("c1");
    lab.run([
      "nft",
      `flush chain bridge cni_spoofcheck ip_sender
      flush chain bridge cni_spoofcheck ip6_sender
      add rule bridge cni_spoofcheck ip_sender accept
      delete chain bridge cni_spoofcheck asking`,
    ]);
    const check = { containerId: "c1", netns: first.netns, config: { ...config(), prevResult: first.result } };
    expect(errorOf(run("CHECK", check)).msg).toContain("Nftables chain asking of table cni_spoofcheck is missing");
    attach("c2");
    expect(checked()).toEqual({ c1: STRICT, c2: STRICT });
    expect(run("CHECK", check)).toMatchObject(quiet);
  });

  it("begins before the first: without addresses nothing passes that needs one", async () => {
    const victim = attach("victim", { config: config({}) });
    const netns = lab.addNamespace("c1");
    const gateway = gatewayOf();
    const address = "10.88.0.77";
    const folder = path.join(lab.dir, "plugins");
    fs.mkdirSync(folder);
    const tries = path.join(lab.dir, "tries");
    const mac = "0a:58:0a:58:00:4d";
    const me = party(mac, address, "fd00:88::4d");
    const all = [...honest(me, victim), ...attacks(me, victim, gateway)];
    fs.writeFileSync(tries, all.map((each) => each.frame).join("\n"));
    // IPAM, which has yet to say the address, lets the container send what it will be allowed, and all else.
    const send = `nsenter --net=$CNI_NETNS python3 ${import.meta.dirname}/frames.py send eth0 < ${tries}`;
    const answer = JSON.stringify({ cniVersion: "1.1.0", ips: [{ address: `${address}/24` }] });
    const script = `#!/bin/sh\n[ "$CNI_COMMAND" != ADD ] || { ${send} && echo '${answer}'; }\n`;
    fs.writeFileSync(path.join(folder, "late"), script, { mode: 0o755 });

    const last = frame(mac, victim.mac, ETHER.IP, udp(address, victim.ip, { text: "the last" }));
    const arrived = await received(victim.netns, { link: "eth0", last }, () => {
      const environment = { CNI_PATH: `${folder}:${binDir}` };
      const spoofing = config({ spoofchk: "strict", args: { cni: { mac } } }, { type: "late" });
      attach("c1", { netns, config: spoofing, environment });
      sendFrames(lab, [last], { netns });
    });
    expect(all.filter((each) => arrived.includes(each.frame)).map(({ name }) => name)).toEqual([
      "IPv6 of its link-local address",
      "one of its link-local address",
      "that of its link-local address",
      "a router solicitation",
      "one without an address",
      "a report of its groups",
      "one without an address yet",
      "a question for an address by DHCP",
      "a report of its groups, type 131",
      "a report of its groups, type 132",
    ]);
  });

  it.each([
    ["macspoofchk", { macspoofchk: true }],
    ["spoofchk", { spoofchk: "strict" }],
    ["spoofchk with enabledad", { spoofchk: "strict", enabledad: true }],
  ])("lets real programs talk: %s", (_, fields) => {
    const netns = lab.addNamespace("c1");
    // Link-local addresses of another making, unless the namespace is told: macspoofchk does not mind.
    lab.run(["sh", "-c", "echo 3 > /proc/sys/net/ipv6/conf/default/addr_gen_mode"], netns);
    const one = attach("c1", { config: config(fields), netns });
    const two = attach("c2", { config: config(fields) });
    for (const to of [two.ip, two.ip6, `${two.local}%eth0`, "10.88.0.1", "fd00:88::1"])
      lab.run(["ping", "-c1", "-W10", "-s", "3000", to], one.netns);
    const addresses = lab.ip("address show dev eth0", netns).flatMap((link) => Object(link).addr_info);
    const own = addresses.map(({ local }) => local).filter((local) => local.startsWith("fe80:"));
    expect(own.map((local) => local === one.local)).toEqual(["spoofchk" in fields]);
  });

  it("keeps what others know about a gateway", () => {
    const victim = attach("victim", { config: config({}) });
    const gateway = gatewayOf();
    const known = () => Object(lab.ip(`neigh show to ${gateway.ip} dev eth0`, victim.netns)[0]).lladdr;
    const claim = (me: Party) =>
      frame(me.mac, BROADCAST, ETHER.ARP, arp(2, [me.mac, gateway.ip], [victim.mac, victim.ip]));
    lab.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/arp_accept"], victim.netns);
    const seen = (check: object, id: string) => {
      const attacker = attach(id, { config: config(check) });
      lab.run(["ping", "-c1", "-W10", gateway.ip], victim.netns);
      expect(known()).toBe(gateway.mac);
      for (let attempt = 0; attempt < 3 && known() !== attacker.mac; attempt++) {
        // The kernel believes no second answer within a second, and may ask the gateway anew.
        lab.run(["sleep", "1.1"], victim.netns);
        sendFrames(lab, [claim(attacker)], attacker);
        lab.run(["ping", "-c1", "-W10", "-I", "eth0", victim.ip], attacker.netns);
      }
      return known() === attacker.mac;
    };
    expect(seen({}, "unchecked")).toBe(true);
    lab.run(["ip", "neigh", "flush", "all"], victim.netns);
    expect(seen({ spoofchk: "strict" }, "strict")).toBe(false);
  });

  /** LLDP's group: no rule of a bridge is asked about what is sent to it. */
  const LLDP = { mac: "01:80:c2:00:00:0e", type: 0x88cc } as const;

  it.each([
    ["nobody", {}, true],
    ["macspoofchk", { macspoofchk: true }, false],
    ["spoofchk", { spoofchk: "strict" }, false],
  ])("covers what a bridge learns from frames that no rule sees: %s", (_, fields, isFooled) => {
    const victim = attach("victim", { config: config({}) });
    const attacker = attach("c1", { config: config(fields) });
    // So that it says nothing more by itself, nor answers when the host asks whether it is still there: the bridge would learn again.
    lab.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"], victim.netns);
    lab.run(["ip", "neigh", "replace", victim.ip, "lladdr", victim.mac, "dev", "br0", "nud", "permanent"]);
    lab.run(["ping", "-c1", "-W10", "10.88.0.1"], victim.netns);
    sendFrames(lab, [frame(victim.mac, LLDP.mac, LLDP.type, Buffer.alloc(46))], attacker);
    const entries: unknown[] = JSON.parse(lab.run(["bridge", "-json", "fdb", "show", "br", "br0", "dynamic"]));
    const ports = entries.map((entry) => Object(entry)).filter(({ mac }) => mac === victim.mac);
    expect(ports.map(({ ifname }) => ifname)).toEqual([isFooled ? attacker.port : victim.port]);
  });

  it("covers packets that the host would take from the port itself", async () => {
    const victim = attach("victim", { config: config({}) });
    const unchecked = attach("c1", { config: config({}) });
    const strict = attach("c2");
    const gateway = gatewayOf();
    const about = { ports: [4000, 4444] as const };
    const tries = (me: Party, text: string) => [
      frame(me.mac, LLDP.mac, ETHER.IP, udp(victim.ip, gateway.ip, { ...about, text: `${text} IPv4` })),
      frame(me.mac, LLDP.mac, ETHER.IP6, udp(victim.ip6, gateway.ip6, { ...about, text: `${text} IPv6` })),
    ];
    const last = frame(strict.mac, gateway.mac, ETHER.IP, udp(strict.ip, gateway.ip, { ...about, text: "the last" }));
    const heard = await received(lab.host, { port: 4444, last: "the last" }, () => {
      sendFrames(lab, tries(unchecked, "unchecked"), unchecked);
      sendFrames(lab, [...tries(strict, "strict"), last], strict);
    });
    expect(heard).toEqual(["unchecked IPv4", "unchecked IPv6", "the last"]);
  });
});

describe("bridge", () => {
  it("ADD works beside others that all find no table, and after somebody flushed it", async () => {
    const ids = ["c1", "c2", "c3", "c4"];
    const calls = ids.map((containerId) => {
      const netns = lab.addNamespace(containerId);
      return lab.start("bridge", { command: "ADD", config: config(), containerId, netns }).ended;
    });
    for (const { status, stdout } of await Promise.all(calls)) expect(status, stdout).toBe(0);
    expect(checked()).toEqual(Object.fromEntries(ids.map((id) => [id, STRICT])));
    lab.run(["nft", "flush", "ruleset"]);
    attach("c5");
    expect(checked()).toEqual({ c5: STRICT });
  });

  it("ADD that fails leaves no element", () => {
    const netns = lab.addNamespace("c1");
    const ranges = [[{ subnet: "10.88.0.0/24" }]];
    const routes = [{ dst: "10.9.0.0/16", gw: "192.0.2.1" }];
    expect(errorOf(run("ADD", { netns, config: config(undefined, { ranges, routes }) })).code).toBe(107);
    expect(checked()).toEqual({});
    expect(lab.ip("link show type veth")).toEqual([]);
    expect(leaseFiles(lab)).toEqual([]);
    attach("c1", { netns });
    expect(checked()).toEqual({ c1: STRICT });
  });

  it.each([
    ["as it was", (netns: string) => ({ netns })],
    ["without a namespace", () => ({ netns: "" })],
    ["with a namespace that is gone", gone],
    ["with a configuration that no longer asks", (netns: string) => ({ netns, config: config({}) })],
    ["with one that is wrong", (netns: string) => ({ netns, config: config({ spoofchk: "lax" }) })],
  ])("DEL ends the check, and twice: %s", (_, call) => {
    attach("c2");
    const netns = lab.addNamespace("c1");
    attach("c1", { netns });
    const more = call(netns);
    expect(run("DEL", more)).toEqual(expect.objectContaining(quiet));
    expect(checked()).toEqual({ c2: STRICT });
    expect(run("DEL", more)).toEqual(expect.objectContaining(quiet));
  });

  it("ADD does not count what an earlier one left behind", () => {
    const netns = lab.addNamespace("c1");
    attach("c1", { netns });
    lab.deleteNamespace(netns);
    // host-local knows that the namespace is gone when it has no other address.
    const again = attach("c1", { config: config(undefined, { dataDir: `${lab.dataDir}/again` }) });
    lab.run(["ping", "-c1", "-W10", "10.88.0.1"], again.netns);
    expect(
      run("CHECK", {
        netns: again.netns,
        config: { ...config(undefined, { dataDir: `${lab.dataDir}/again` }), prevResult: again.result },
      }),
    ).toMatchObject(quiet);
    expect(run("DEL", { netns: again.netns })).toMatchObject(quiet);
    expect(checked()).toEqual({});
  });

  it("GC ends the checks of this network's attachments that are not valid", () => {
    for (const id of ["c1", "c2"]) attach(id);
    attach("c3", { config: config({ name: "net2", spoofchk: "strict" }) });
    const collect = (valid: unknown) =>
      run("GC", { config: { ...config(), "cni.dev/valid-attachments": valid }, containerId: "", ifname: "" });
    expect(collect(undefined)).toMatchObject({ status: 0 });
    expect(checked()).toEqual({ c1: STRICT, c2: STRICT, c3: STRICT });
    expect(collect([{ containerID: "c2", ifname: "eth0" }])).toMatchObject({ status: 0 });
    expect(checked()).toEqual({ c2: STRICT, c3: STRICT });
  });

  it("CHECK finds all in place, and names what is not", () => {
    const { netns, port, mac, result } = attach("c1");
    const check = (fields?: object) => run("CHECK", { netns, config: { ...config(fields), prevResult: result } });
    const [{ ifindex }] = lab.ip(`link show dev ${port}`).map((link) => Object(link));
    const nft = (command: string) => lab.run(["nft", ...command.split(" ")]);
    expect(check()).toMatchObject(quiet);
    expect(errorOf(check({ macspoofchk: true })).msg).toContain(
      `element ${ifindex} : goto mac of nftables set ports is missing`,
    );
    nft(`delete element bridge cni_spoofcheck macs { ${port} . ${mac} }`);
    nft("insert rule bridge cni_spoofcheck strict accept");
    lab.run(["ip", "link", "set", port, "type", "bridge_slave", "group_fwd_mask", "0"]);
    const { code, msg } = errorOf(check());
    expect(code).toBe(104);
    expect(msg.split("; ")).toEqual([
      'Nftables chain strict of table cni_spoofcheck: rule 1 must be "iif . ether saddr @macs goto content", is "immediate data=(verdict=(code=1))"',
      expect.stringMatching(/^Nftables chain strict of table cni_spoofcheck: rule 2 must be "drop", is "meta /),
      "Nftables chain strict of table cni_spoofcheck: must have 2 rules, has 3",
      `Spoof check: element ${ifindex} . ${mac} of nftables set macs is missing`,
      `Port "${port}" has group_fwd_mask 0, expected 65533`,
    ]);
  });

  it("CHECK names what another check would have", () => {
    const { netns, port, result } = attach("c1");
    const [{ ifindex }] = lab.ip(`link show dev ${port}`).map((link) => Object(link));
    const { msg } = errorOf(run("CHECK", { netns, config: { ...config({ macspoofchk: true }), prevResult: result } }));
    expect(msg.split("; ")).toEqual(
      expect.arrayContaining([
        `Spoof check: element ${ifindex} : goto mac of nftables set ports is missing`,
        `Spoof check: element ${ifindex} : goto strict of nftables set ports must not be there`,
        'Bridge "br0" has no_linklocal_learn off, expected on',
      ]),
    );
  });

  it.each([
    ["ADD", { macspoofchk: true }, "macspoofchk true", 2],
    ["ADD", { spoofchk: "strict" }, 'spoofchk "strict"', 2],
    ["STATUS", { spoofchk: "strict" }, 'spoofchk "strict"', 50],
  ])("%s refuses %j where the kernel has no nf_tables, with nothing touched", (command, fields, field, code) => {
    const netns = lab.addNamespace("c1");
    const refusing = (socket: number) => {
      // musl's socket() asks a second time, without flags.
      const inject = `inject=socket:error=EPROTONOSUPPORT:when=${socket}..${socket + 1}`;
      return ["strace", "-f", "-qq", "-e", "trace=socket", "-e", "signal=none", "-e", inject, "-o", "/dev/null"];
    };
    // Which of its sockets is that of nf_tables shows by the error.
    const outcomes = [1, 2, 3].map((socket) =>
      run(command, { netns, config: config(fields), wrapper: refusing(socket) }),
    );
    const errors = outcomes.filter(({ status }) => status === 1).map(errorOf);
    expect(errors).toContainEqual({ code, msg: `Cannot use ${field}: the kernel has no nf_tables` });
    expect(lab.ip("link show")).toHaveLength(1);
    expect(lab.leases("net1")).toEqual([]);
  });

  it("STATUS is well, and leaves nothing", () => {
    expect(run("STATUS", { containerId: "", ifname: "" })).toMatchObject(quiet);
    expect(lab.run(["nft", "list", "ruleset"])).toBe("");
  });
});
