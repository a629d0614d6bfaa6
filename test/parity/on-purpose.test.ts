import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { CLIENT, SERVER } from "../live/portmap.ts";
import { layer2, network } from "./networks.ts";
import { playBoth, type Side } from "./twins.ts";

function hostLinks(side: Side): string[] {
  const links = side.lab.ip("link show");
  return links.map((link) => String(Object(link).ifname).replace(/^veth.*/, "veth"));
}

function leasedAddresses(side: Side): string[] {
  return side.lab.leases("testConfig").filter((name) => /^[\d.]+$/.test(name));
}

/** What the documents say ours do otherwise, beside what the reference does. */
describe("ours, unlike the reference,", () => {
  it("B32: leaves nothing of an ADD that fails after IPAM; the address is free with both", () => {
    const { reference, ours } = playBoth((side) => {
      const routes = [{ dst: "10.9.0.0/16", gw: "192.0.2.1" }];
      const { status } = side.step("ADD", network(side, { cniVersion: "1.1.0", ipam: { routes } }), {});
      const leased = leasedAddresses(side);
      return { status, leased, host: hostLinks(side), container: side.lab.ip("link show", side.netns()).length };
    });
    expect(reference).toEqual({ status: 1, leased: [], host: ["lo", "bridge0", "veth"], container: 2 });
    expect(ours).toEqual({ status: 1, leased: [], host: ["lo"], container: 1 });
  });

  it("leaves nothing of an ADD that IPAM refuses", () => {
    const { reference, ours } = playBoth((side) => {
      const ranges = [[{ subnet: "10.9.0.1/24" }]];
      const { status } = side.step("ADD", network(side, { cniVersion: "1.1.0", ranges }), {});
      return { status, host: hostLinks(side) };
    });
    expect(reference).toEqual({ status: 1, host: ["lo", "bridge0", "veth"] });
    expect(ours).toEqual({ status: 1, host: ["lo"] });
  });

  it("makes one route of isDefaultGateway and IPAM's default route without a gateway", () => {
    const { reference, ours } = playBoth((side) => {
      const ipam = { routes: [{ dst: "0.0.0.0/0" }] };
      const { status } = side.step("ADD", network(side, { cniVersion: "1.1.0", ipam }), {});
      return { status, routes: side.lab.run(["ip", "route", "show", "default"], side.netns()).trim() };
    });
    expect(reference.status).toBe(1);
    expect(ours).toEqual({ status: 0, routes: "default via 10.1.2.1 dev eth0" });
  });

  it("releases the address where a plain file is left of the namespace", () => {
    const { reference, ours } = playBoth((side) => {
      const config = network(side, { cniVersion: "1.1.0" });
      side.add(config);
      side.removeNetns();
      const netns = path.join(side.lab.dir, "netns");
      fs.writeFileSync(netns, "");
      const { status } = side.lab.plugin("bridge", { bin: side.bin, command: "DEL", config, netns });
      return { status, leases: leasedAddresses(side) };
    });
    expect(reference).toEqual({ status: 1, leases: ["10.1.2.2"] });
    expect(ours).toEqual({ status: 0, leases: [] });
  });

  it("releases the address of a configuration that has become invalid", () => {
    const { reference, ours } = playBoth((side) => {
      side.add(network(side, { cniVersion: "1.1.0" }));
      const { status } = side.step("DEL", network(side, { cniVersion: "1.1.0", mtu: "broken" }), {});
      return { status, leases: leasedAddresses(side) };
    });
    expect(reference).toEqual({ status: 1, leases: ["10.1.2.2"] });
    expect(ours).toEqual({ status: 0, leases: [] });
  });

  it("checks layer 2, and routes in other tables", () => {
    const { reference, ours } = playBoth((side) => {
      const other = network(side, { cniVersion: "1.1.0", ipam: { routes: [{ dst: "10.7.0.0/16", table: 100 }] } });
      return [layer2({ cniVersion: "1.1.0", name: "l2" }), other].map((config, i) => {
        const containerId = `c${i}`;
        const prevResult = side.add(config, { containerId });
        return side.step("CHECK", { ...config, prevResult }, { containerId }).status;
      });
    });
    expect(reference).toEqual([1, 1]);
    expect(ours).toEqual([0, 0]);
  });

  it("refuses the host's own namespace before anything happens, in one document", () => {
    const { reference, ours } = playBoth((side) => {
      const config = layer2({ cniVersion: "1.1.0" });
      const { status, stdout } = side.lab.plugin("bridge", {
        bin: side.bin,
        command: "ADD",
        config,
        netns: side.lab.host,
      });
      return { status, documents: stdout.split(/\}\s*\{/).length, host: hostLinks(side) };
    });
    expect(reference).toEqual({ status: 1, documents: 2, host: ["lo", "bridge0", "veth", "eth0"] });
    expect(ours).toEqual({ status: 1, documents: 1, host: ["lo"] });
  });

  it("gives one interface one address of a range set, also where another is asked for", () => {
    const { reference, ours } = playBoth((side) => {
      const ranges = [[{ subnet: "10.9.0.0/24" }]];
      const config = {
        cniVersion: "1.1.0",
        name: "testConfig",
        ipam: { type: "host-local", dataDir: side.lab.dataDir, ranges },
      };
      side.step("ADD", config, { plugin: "host-local" });
      const { status } = side.step(
        "ADD",
        { ...config, args: { cni: { ips: ["10.9.0.9"] } } },
        { plugin: "host-local" },
      );
      return { status, leases: leasedAddresses(side) };
    });
    expect(reference).toEqual({ status: 0, leases: ["10.9.0.2", "10.9.0.9"] });
    expect(ours).toEqual({ status: 1, leases: ["10.9.0.2"] });
  });

  it("makes no folder for DEL and CHECK", () => {
    const { reference, ours } = playBoth((side) => {
      const ranges = [[{ subnet: "10.9.0.0/24" }]];
      const config = {
        cniVersion: "1.1.0",
        name: "testConfig",
        ipam: { type: "host-local", dataDir: side.lab.dataDir, ranges },
      };
      for (const command of ["CHECK", "DEL"]) side.step(command, config, { plugin: "host-local" });
      return fs.existsSync(side.lab.dataDir);
    });
    expect(reference).toBe(true);
    expect(ours).toBe(false);
  });

  it.each(["same-bridge", "isolated"])("takes a published port for a permission under ingressPolicy %s", (policy) => {
    const { reference, ours } = playBoth((side) => playPorts(side, policy, "10.1.2.1"));
    expect(reference).toBe("");
    expect(ours).toMatch(/^c1 /);
  });

  it("keeps what is published on 127.0.0.1 from everybody else, of whom the reference lets the link to a container alone come in", () => {
    const { reference, ours } = playBoth((side) => playPorts(side, "open", "127.0.0.1"));
    expect(reference).toMatch(/^c1 /);
    expect(ours).toBe("");
  });
});

/** What a container of another network gets back to a datagram that it sends to the host, for a port that c1 has published. */
function playPorts(side: Side, ingressPolicy: string, to: string): string {
  const attach = (containerId: string, bridge: string, subnet: string) => {
    const names = { name: bridge, bridge };
    const prevResult = side.add(network(side, { cniVersion: "1.0.0", ranges: [[{ subnet }]], ...names }), {
      containerId,
    });
    const runtimeConfig = { portMappings: [{ hostPort: 5353, containerPort: 53, protocol: "udp" }] };
    const chained = { cniVersion: "1.0.0", name: bridge, prevResult, backend: "iptables" };
    const firewall = { ...chained, type: "firewall", ingressPolicy };
    side.add(firewall, { containerId, plugin: "firewall" });
    if (containerId === "c1")
      side.add({ ...chained, type: "portmap", runtimeConfig }, { containerId, plugin: "portmap" });
  };
  attach("c1", "bridge0", "10.1.2.0/24");
  attach("c2", "bridge1", "10.1.3.0/24");
  const argv = [`--net=${side.netns("c1")}`, "--", process.execPath, "-e", SERVER, "c1", "53"];
  const server = spawn("nsenter", argv, { stdio: "ignore" });
  const ask = (netns: string, target: string, toPort: number) =>
    JSON.parse(
      side.lab.run([process.execPath, "-e", CLIENT, JSON.stringify([{ port: 0, to: target, toPort }])], netns),
    )[0];
  try {
    for (const deadline = Date.now() + 10_000; ask(side.lab.host, "10.1.2.2", 53) === ""; )
      if (Date.now() > deadline) throw new Error("The server does not come up");
    // Its lo is down: what is for 127.0.0.1 leaves for the gateway, as from whoever makes the frame.
    const route = "ip route add 127.0.0.1 via 10.1.3.1; sysctl -qw net.ipv4.conf.eth0.route_localnet=1";
    side.lab.run(["sh", "-ec", route], side.netns("c2"));
    return ask(side.netns("c2"), to, 5353);
  } finally {
    server.kill("SIGKILL");
  }
}
