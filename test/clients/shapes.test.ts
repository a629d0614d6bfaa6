import type { ChildProcess } from "node:child_process";
import path from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { binDir } from "../lab.ts";
import { ask, serveHello } from "../live/hello.ts";
import { OUTSIDE } from "../live/masquerading.ts";
import { referenceDir } from "../parity/reference.ts";
import { type Attachment, FAR, ShapeLab } from "./shapes.ts";

let lab: ShapeLab;
let server: ChildProcess | undefined;
let cnitoolFile: string;

beforeAll(() => {
  cnitoolFile = path.join(referenceDir(), "cnitool");
}, 300_000);

afterEach(async () => {
  server?.kill();
  server = undefined;
  await lab.dispose();
});

/** Attaches the container, has packets sent, and expects that everything is as before after DEL. */
async function expectWhole(attachments: readonly Attachment[], carry: (results: readonly Result[]) => unknown) {
  const before = lab.traces();
  await carry(lab.add(attachments));
  lab.checkAndDelete(attachments);
  await expect.poll(() => lab.served(), { timeout: 20_000 }).toEqual([]);
  await lab.stop();
  expect(lab.traces()).toEqual(before);
}

interface Result {
  readonly interfaces: readonly { readonly name: string; readonly mac: string; readonly sandbox?: string }[];
  readonly ips?: readonly { readonly address: string }[];
}

const addressesOf = (result: Result | undefined) =>
  result?.ips?.map(({ address }) => address.replace(/\/.*/, "")) ?? [];

const MAC = "02:00:00:00:00:77";
const wire = { type: "macvlan", master: "up0" };
const fixed = { ...wire, capabilities: { ips: true }, ipam: { type: "static" } };

const ROUTED: Attachment = {
  ifname: "eth0",
  plugins: [
    {
      ...{ type: "ptp", ipMasq: true, mtu: 1460 },
      ipam: { type: "host-local", ranges: [[{ subnet: "10.97.0.0/24" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
    { type: "portmap", snat: true, capabilities: { portMappings: true } },
  ],
  capabilities: { portMappings: [{ hostPort: 18080, containerPort: 80, protocol: "tcp" }] },
};

/** The example of firecracker-go-sdk, `fcnet`, but for its last plugin, and with ports. */
const MACHINES: Attachment = {
  ...ROUTED,
  cniVersion: "0.4.0",
  plugins: [
    {
      ...{ type: "ptp", ipMasq: true },
      ipam: { type: "host-local", subnet: "192.168.127.0/24", resolvConf: "/etc/resolv.conf" },
    },
    { type: "firewall" },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

describe.each([
  ["cnitool", () => cnitoolFile],
  ["cnictl", () => path.join(binDir, "cnictl")],
])("%s with a list of", (_, tool) => {
  const start = () => {
    lab = new ShapeLab(tool());
  };

  it.each(["0.3.1", "0.4.0", "1.1.0"])(
    "macvlan with host-local's old keys, as in multus' quick start, in %s",
    (cniVersion) => {
      start();
      const ipam = {
        ...{ type: "host-local", subnet: "203.0.113.0/24", rangeStart: "203.0.113.200", rangeEnd: "203.0.113.216" },
        ...{ routes: [{ dst: "0.0.0.0/0" }], gateway: OUTSIDE[4] },
      };
      const attachment = { ifname: "net1", cniVersion, plugins: [{ ...wire, mode: "bridge", ipam }] };
      return expectWhole([attachment], () => lab.ping(FAR, "203.0.113.200"));
    },
  );

  it("macvlan with static alone and sbr, addresses by capability and no gateway anywhere", () => {
    start();
    const capabilities = { ips: ["203.0.113.77/24", "2001:db8:f::77/64"] };
    return expectWhole([ROUTED, { ifname: "net1", plugins: [fixed, { type: "sbr" }], capabilities }], () => {
      lab.ping(OUTSIDE[4], "203.0.113.77");
      lab.ping(OUTSIDE[6], "2001:db8:f::77");
      lab.ping(OUTSIDE[4], "eth0");
    });
  });

  it("macvlan with static alone and sbr's gateways, beside a default network", () => {
    start();
    const sbr = { type: "sbr", gateways: [OUTSIDE[4]] };
    const capabilities = { ips: ["203.0.113.77/24"] };
    return expectWhole([ROUTED, { ifname: "net1", plugins: [fixed, sbr], capabilities }], () => {
      lab.ping(FAR, "203.0.113.77");
      expect(lab.caller.lab.run(["ip", "route", "get", FAR], lab.netns)).toContain("dev eth0");
    });
  });

  it("macvlan with dhcp, an asked for MAC and an empty tuning, as podman has it", async () => {
    start();
    await lab.startDhcpServer();
    const plugins = [
      { ...wire, capabilities: { ips: true, mac: true }, ipam: lab.dhcp },
      { type: "tuning", capabilities: { mac: true } },
    ];
    await expectWhole([{ ifname: "eth0", plugins, capabilities: { mac: MAC } }], ([result]) => {
      const [address = ""] = addressesOf(result);
      expect(lab.served()).toEqual([`${MAC} ${address}`]);
      lab.ping(OUTSIDE[4], address);
    });
  });

  it.each([[{}], [{ ipam: {} }]])("macvlan without addresses, %j: the link is up for who asks by himself", (ipam) => {
    start();
    return expectWhole([{ ifname: "net1", plugins: [{ ...wire, ...ipam }] }], ([result]) => {
      expect(addressesOf(result)).toEqual([]);
      lab.caller.lab.run(["ip", "addr", "add", "203.0.113.90/24", "dev", "net1"], lab.netns);
      lab.ping(OUTSIDE[4], "203.0.113.90");
    });
  });

  it("macvlan with a static /32 and routes, above an earlier network of the container", () => {
    start();
    const above = {
      ...{ type: "macvlan", master: "net1", linkInContainer: true },
      ipam: { type: "static", addresses: [{ address: "203.0.113.99/32" }], routes: [{ dst: "203.0.113.0/24" }] },
    };
    const attachments = [
      { ifname: "net1", plugins: [wire] },
      { ifname: "net2", plugins: [above] },
    ];
    return expectWhole(attachments, () => lab.ping(OUTSIDE[4], "203.0.113.99"));
  });

  it("host-device with host-local", () => {
    start();
    const ipam = { type: "host-local", ranges: [[{ subnet: "192.0.2.0/24" }]] };
    return expectWhole([{ ifname: "net1", plugins: [{ type: "host-device", device: "ens11", ipam }] }], () =>
      lab.ping("192.0.2.1", "192.0.2.2"),
    );
  });

  it("host-device with a key that nobody knows, dhcp and sbr, beside a default network", async () => {
    start();
    await lab.startDhcpServer();
    const device = { type: "host-device", device: "ens11", isRdma: true, ipam: lab.dhcp };
    await expectWhole([ROUTED, { ifname: "net1", plugins: [device, { type: "sbr" }] }], ([, result]) => {
      const [address = ""] = addressesOf(result);
      expect(address).toMatch(/^192\.0\.2\./);
      lab.ping(FAR, address);
    });
  });

  it("ptp with host-local and a default route, and portmap with snat", () => {
    start();
    return expectWhole([ROUTED], async () => {
      lab.ping(OUTSIDE[4], "eth0");
      server = await serveHello(lab.netns);
      expect(ask(lab.caller.lab, "203.0.113.1", 18080, lab.outside)).toBe("hello");
      expect(ask(lab.caller.lab, "127.0.0.1", 18080)).toBe("hello");
      server.kill();
    });
  });
});

/** A machine monitor runs in the container and reads the machine's frames from a tap there, which is in a list of its own. */
describe.each([
  ["cnitool", () => cnitoolFile],
  ["cnictl", () => path.join(binDir, "cnictl")],
])("%s with lists of ptp, host-local and tap, for a machine", (_, tool) => {
  const start = () => {
    lab = new ShapeLab(tool());
  };
  const inContainer = (...commands: readonly string[]) => {
    for (const command of commands) lab.caller.lab.run(command.split(" "), lab.netns);
  };

  it("that has the container's own address: every frame goes from one link to the other", () => {
    start();
    const tap = { ifname: "tap0", plugins: [{ type: "tap" }] };
    return expectWhole([MACHINES, tap], async ([routed]) => {
      const mac = routed?.interfaces.find(({ name }) => name === "eth0")?.mac ?? "";
      const machine = await lab.startMachine("tap0", [
        `ip link set eth0 address ${mac} up`,
        `ip addr add ${addressesOf(routed)[0]}/24 dev eth0`,
        "ip route add default via 192.168.127.1",
      ]);
      for (const [from, to] of [
        ["eth0", "tap0"],
        ["tap0", "eth0"],
      ])
        inContainer(
          `tc qdisc add dev ${from} ingress`,
          `tc filter add dev ${from} parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev ${to}`,
        );
      for (const to of ["192.168.127.1", OUTSIDE[4]]) lab.caller.lab.run(["ping", "-n", "-c1", "-w10", to], machine);
      server = await serveHello(machine);
      expect(ask(lab.caller.lab, "203.0.113.1", 18080, lab.outside)).toBe("hello");
      server.kill();
    });
  });

  it("that has a network of its own, behind the container", () => {
    start();
    const ipam = { type: "host-local", ranges: [[{ subnet: "172.30.0.0/24" }]] };
    const tap = { ifname: "tap0", plugins: [{ type: "tap", owner: 1000, group: 1000, ipam }] };
    return expectWhole([MACHINES, tap], async () => {
      const machine = await lab.startMachine("tap0", [
        "ip addr add 172.30.0.9/24 dev eth0",
        "ip link set eth0 up",
        "ip route add default via 172.30.0.2",
      ]);
      inContainer(
        "ip route add default via 192.168.127.1",
        "sysctl -qw net.ipv4.ip_forward=1",
        "nft add table ip nat",
        "nft add chain ip nat after { type nat hook postrouting priority 100 ; }",
        "nft add rule ip nat after oifname eth0 masquerade",
      );
      lab.caller.lab.run(["ping", "-n", "-c1", "-w10", OUTSIDE[4]], machine);
    });
  });

  it("and another one, on a bridge in the container", () => {
    start();
    inContainer("ip link add br1 address 02:00:00:00:00:b1 type bridge", "ip link set br1 up");
    const plugins = [{ type: "tap", bridge: "br1", multiQueue: true, mtu: 1450 }];
    return expectWhole([MACHINES, ...["tap0", "tap1"].map((ifname) => ({ ifname, plugins }))], async () => {
      const [machine = ""] = await Promise.all(
        ["tap0", "tap1"].map((tap, i) =>
          lab.startMachine(tap, [`ip addr add 172.31.0.${i + 1}/24 dev eth0`, "ip link set eth0 up"]),
        ),
      );
      lab.caller.lab.run(["ping", "-n", "-c1", "-w10", "172.31.0.2"], machine);
      lab.ping("192.168.127.1", "eth0");
    });
  });
});
