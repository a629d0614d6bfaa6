import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ETHER, frame, received, sendFrames, udp } from "./frames.ts";
import type { Variant } from "./masquerading.ts";
import { type Member, PolicyLab } from "./policies.ts";
import { HOST, OUTSIDE } from "./portmap.ts";

// Ports that are published for every address of the host's, and so for 127.0.0.1 and ::1. A machine on the host's link, a neighbour of the
// container's, and a container of another network send to these at the host's MAC, on a host whose links all have route_localnet.

const BACKENDS: readonly [string, string, Variant][] = [
  ["nftables", "nftables", "nft"],
  ["iptables, kept in nf_tables", "iptables", "nft"],
  ["iptables-legacy", "iptables", "legacy"],
];

const [HOST_PORT, PORT] = [5353, 5300];
const MAPPING = { hostPort: HOST_PORT, containerPort: PORT, protocol: "udp" };

/** Who sends: from where, as whom, and to which MAC. */
interface Sender {
  readonly name: string;
  readonly netns: string;
  readonly mac: string;
  readonly addresses: { readonly 4: string; readonly 6: string };
  readonly hostMac: string;
}

let lab: PolicyLab;
let web: Member;
let senders: readonly Sender[];

beforeAll(async () => {
  lab = new PolicyLab();
  web = await lab.join("foo-1");
  const others = [await lab.join("foo-2"), await lab.join("bar-1")];
  lab.setBridgeCalls(true);
  for (const link of ["all", "default", "up0", "foo", "bar"])
    lab.run(["sysctl", "-qw", `net.ipv4.conf.${link}.route_localnet=1`, `net.ipv4.conf.${link}.rp_filter=0`]);
  const machine = { name: "machine", netns: lab.outside, mac: macOf("eth0", lab.outside), addresses: OUTSIDE };
  senders = [
    { ...machine, hostMac: macOf("up0") },
    ...others.map((each) => ({ ...each, hostMac: macOf(each.network) })),
  ];
});

afterAll(() => lab?.dispose());

function macOf(link: string, netns?: string): string {
  return Object(lab.ip(`link show dev ${link}`, netns)[0]).address;
}

/** Whose datagrams to which address the container hears, each from a port of its own: a connection that is known is not looked at again. */
async function heard(targets: { readonly 4: readonly string[]; readonly 6: readonly string[] }): Promise<string[]> {
  const from = (sender: Sender, family: 4 | 6, to: string) => {
    const text = `${sender.name} to ${to}`;
    const ports = [port++, HOST_PORT] as const;
    const type = family === 4 ? ETHER.IP : ETHER.IP6;
    return frame(sender.mac, sender.hostMac, type, udp(sender.addresses[family], to, { ports, text }));
  };
  const texts = await received(web.netns, { port: PORT, last: `machine to ${HOST[4]}` }, () => {
    for (const sender of senders.toReversed()) {
      const frames = ([4, 6] as const).flatMap((family) => targets[family].map((to) => from(sender, family, to)));
      const last = sender.name === "machine" ? [from(sender, 4, HOST[4])] : [];
      sendFrames(lab, [...frames, ...last], sender);
    }
  });
  return texts.slice(0, -1).sort();
}

let port = 40_000;

const OWN = { 4: ["127.0.0.1", "127.0.0.53"], 6: ["::1"] } as const;
const PUBLIC = { 4: [], 6: [HOST[6]] } as const;

/** Everything in the host's raw tables and in our own chain, gone. */
function unguard(): void {
  for (const tool of ["iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"])
    lab.run([tool, "-t", "raw", "-F"]);
  lab.try(["nft", "flush", "chain", "inet", "cni_portmap", "loopback"]);
}

describe.each(BACKENDS)("a port published on 127.0.0.1 and ::1, with %s", (_, backend, variant) => {
  beforeAll(() => {
    unguard();
    lab.publish("ADD", web, [MAPPING], { backend }, variant);
    // The first packets to the container would be dropped while the host asks for its MAC.
    for (const address of Object.values(web.addresses)) lab.run(["ping", "-n", "-c1", "-W2", address]);
  });

  it("is the host's alone, whoever else sends to it, and its other addresses are not", async () => {
    lab.publish("CHECK", web, [MAPPING], { backend }, variant);
    expect(await heard(OWN)).toEqual([]);
    expect(await heard(PUBLIC)).toEqual(["bar-1", "foo-2", "machine"].map((name) => `${name} to ${HOST[6]}`));
    const asked = received(web.netns, { port: PORT, last: "from the host" }, () => {
      lab.run(["bash", "-c", `printf "from the host" > /dev/udp/127.0.0.1/${HOST_PORT}`]);
    });
    expect(await asked).toEqual(["from the host"]);
  });

  it("would be anybody's without the rules against it, which CHECK misses, and ADD makes anew", async () => {
    unguard();
    const found = await heard(OWN);
    for (const { name } of senders) expect(found).toContain(`${name} to 127.0.0.1`);
    const check = lab.portmap("CHECK", web, [MAPPING], { config: { name: web.network, backend }, variant });
    expect(check).toMatchObject({ status: 1 });
    expect(check.stdout).toMatch(/chain loopback|-d 127\.0\.0\.0\/8 ! -i lo|-d ::1\/128 ! -i lo/);
    lab.publish("ADD", web, [MAPPING], { backend }, variant);
    expect(await heard(OWN)).toEqual([]);
    lab.publish("DEL", web, [MAPPING], { backend }, variant);
  });
});

it("the rules of an earlier version, a pair for each link, give way to those for all", () => {
  const lines = ["-d", "-s"].map(
    (end) => `-A PREROUTING ${end} 127.0.0.0/8 -i foo -m comment --comment "CNI portfwd route_localnet" -j DROP`,
  );
  unguard();
  lab.run(["sh", "-ec", `printf '*raw\n%s\nCOMMIT\n' '${lines.join("\n")}' | iptables-legacy-restore --noflush`]);
  lab.publish("ADD", web, [MAPPING], { backend: "iptables" }, "legacy");
  const found = lab.run(["iptables-legacy", "-t", "raw", "-S", "PREROUTING"]);
  expect(found.trim().split("\n").slice(1)).toEqual(
    ["-d", "-s"].map(
      (end) => `-A PREROUTING ${end} 127.0.0.0/8 ! -i lo -m comment --comment "CNI portfwd loopback" -j DROP`,
    ),
  );
  lab.publish("DEL", web, [MAPPING], { backend: "iptables" }, "legacy");
});

it("the table of an earlier version gives way to the new, and what it has of mappings stays", () => {
  unguard();
  lab.publish("ADD", web, [MAPPING], { backend: "nftables" });
  lab.run([
    "nft",
    `delete chain inet cni_portmap loopback
    add set inet cni_portmap localnet { type ifname; elements = { "gone" }; }
    add chain inet cni_portmap guard { type filter hook prerouting priority raw; }
    add rule inet cni_portmap guard iifname @localnet ip daddr 127.0.0.0/8 drop`,
  ]);
  const other = { ...MAPPING, hostPort: HOST_PORT + 1 };
  const second = { config: { name: "other", backend: "nftables" }, ifname: "eth1" };
  const prevResult = { ...Object(web.prevResult), interfaces: [] };
  const outcome = lab.portmap("ADD", { ...web, prevResult }, [other], second);
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  const table = lab.run(["nft", "list", "table", "inet", "cni_portmap"]);
  expect(table).toContain('iif "lo" return');
  expect(table).not.toMatch(/localnet|guard|gone/);
  expect(table).toContain(`udp . ${HOST_PORT} `);
  lab.publish("CHECK", web, [MAPPING], { backend: "nftables" });
  lab.publish("DEL", web, [MAPPING], { backend: "nftables" });
  expect(lab.portmap("DEL", web, [other], second)).toMatchObject({ status: 0 });
});
