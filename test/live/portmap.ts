import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { addOutside, OUTSIDE, pathFor, type Variant } from "./masquerading.ts";

/** A namespace's servers: each port answers, over TCP and UDP and both families, with the namespace's name and who asks. */
export const SERVER = `
  const [name, ...ports] = process.argv.slice(1);
  let left = 3 * ports.length;
  const up = () => { if (--left === 0) console.log("up"); };
  const say = (address) => name + " " + address.replace("::ffff:", "") + "\\n";
  for (const port of ports.map(Number)) {
    const tcp = require("net").createServer((socket) => socket.on("error", () => {}).end(say(socket.remoteAddress)));
    tcp.listen({ port, host: "::" }, up);
    for (const [type, address] of [["udp4", "0.0.0.0"], ["udp6", "::"]]) {
      const udp = require("dgram").createSocket({ type, ipv6Only: type === "udp6" });
      udp.on("message", (_, from) => udp.send(say(from.address), from.port, from.address));
      udp.bind(port, address, up);
    }
  }
`;

/** Sends datagrams, each from a port of its own, and prints what has come back to each when all have, or after 0.4 seconds. */
export const CLIENT = `
  const asked = JSON.parse(process.argv[1]);
  const answers = asked.map(() => "");
  const print = () => { console.log(JSON.stringify(answers)); process.exit(); };
  asked.forEach(({ port, to, toPort }, i) => {
    const socket = require("dgram").createSocket(to.includes(":") ? "udp6" : "udp4");
    socket.on("error", () => {});
    socket.on("message", (text) => { answers[i] = String(text).trim(); if (!answers.includes("")) print(); });
    socket.bind(port, () => socket.send("hello", toPort, to));
  });
  setTimeout(print, 400);
`;

/** The host's addresses on its link to the outside. */
export const HOST = { 4: "203.0.113.1", 6: "2001:db8:f::1" } as const;

/** The host's addresses on the containers' bridge. */
export const BRIDGE = { 4: "10.88.0.1", 6: "fd00:88::1" } as const;

export { OUTSIDE };

export type Mapping = Readonly<Record<string, unknown>>;

/** A container on the bridge, and what ADD of the bridge reported, for portmap to be chained to. */
export interface Container {
  readonly name: string;
  readonly netns: string;
  readonly prevResult: unknown;
  readonly addresses: { readonly 4: string; readonly 6: string };
}

export type PortmapCall = Partial<Omit<Call, "command" | "config">> & {
  readonly config?: object;
  readonly variant?: Variant | undefined;
};

/** A lab with containers on a bridge whose hairpin mode is on, a third namespace that plays the outside, and servers. */
export class PortmapLab extends Lab {
  readonly outside = `/run/netns/${this.id}-outside`;
  readonly #servers: ChildProcess[] = [];

  constructor() {
    super();
    addOutside(this);
    this.run(["ip", "route", "add", "10.88.0.0/24", "via", HOST[4]], this.outside);
    this.run(["ip", "-6", "route", "add", "fd00:88::/64", "via", HOST[6]], this.outside);
  }

  /** Attaches a container to the bridge; its servers are up when the promise is fulfilled. */
  async container(name: string, ports: readonly number[] = [80]): Promise<Container> {
    const netns = this.addNamespace(name);
    const prevResult = this.#attach(name, netns);
    const [ip4, ip6] = Object(prevResult).ips.map(({ address }: { address: string }) => address.split("/")[0]);
    await this.serve(name, netns, ports);
    return { name, netns, prevResult, addresses: { 4: ip4, 6: ip6 } };
  }

  /** Starts servers in a namespace. */
  async serve(name: string, netns: string, ports: readonly number[]): Promise<void> {
    if (ports.length === 0) return;
    const argv = [`--net=${netns}`, "--", process.execPath, "-e", SERVER, name, ...ports.map(String)];
    const server = spawn("nsenter", argv, { stdio: ["ignore", "pipe", "inherit"] });
    this.#servers.push(server);
    await once(server.stdout, "data");
  }

  /** What answers at an address and a port, "" where nothing does within a second. */
  ask(from: string, to: string, port: number, protocol: "tcp" | "udp" = "tcp"): string {
    // A server of TCP speaks first. The shell itself would read byte by byte, of a datagram no more than the first.
    const hello = protocol === "udp" ? "echo hello >&3;" : "";
    const script = `exec 3<>/dev/${protocol}/${to}/${port} || exit; ${hello} timeout 1 dd bs=512 count=1 status=none <&3`;
    return this.try(["timeout", "1", "bash", "-c", script], from).stdout.trim();
  }

  /** The same over UDP, each from a port of its own, as who sends all the time does. */
  askFrom(from: string, asked: readonly { port: number; to: string; toPort: number }[]): string[] {
    return JSON.parse(this.run([process.execPath, "-e", CLIENT, JSON.stringify(asked)], from));
  }

  /** A call of portmap behind the bridge. */
  portmap(command: string, container: Container, mappings: readonly Mapping[], more: PortmapCall = {}): Outcome {
    return this.plugin("portmap", this.call(command, container, mappings, more));
  }

  call(command: string, container: Container, mappings: readonly Mapping[], more: PortmapCall = {}): Call {
    const { config, variant, ...call } = more;
    const { name, netns, prevResult } = container;
    const runtimeConfig = { portMappings: mappings };
    const own = { cniVersion: "1.0.0", name: "net1", type: "portmap", runtimeConfig, prevResult };
    const environment = { ...(variant === undefined ? {} : { PATH: pathFor(this, variant) }), ...call.environment };
    return { command, containerId: name, netns, config: { ...own, ...config }, ...call, environment };
  }

  /** Where a packet may have stayed, as the tools print it: rules, connections, links, neighbours, servers. */
  describe(): string {
    const rules = ["nft list ruleset", "iptables-legacy-save", "ip6tables-legacy-save", "conntrack -L"];
    const links = ["ip -d address", "ip route", "ip -6 route", "ip neighbour", "ss -antup"];
    const show = (netns: string, commands: readonly string[]) =>
      commands.map((command) => {
        const { stdout, stderr } = this.try(command.split(" "), netns);
        return `== ${netns}: ${command}\n${stdout}${stderr}`;
      });
    const names = fs.readdirSync("/run/netns").filter((name) => name.startsWith(`${this.id}-`));
    const servers = this.#servers.map(({ pid, exitCode, signalCode }) => `server ${pid}: ${exitCode} ${signalCode}\n`);
    return [...show(this.host, rules), ...names.flatMap((name) => show(`/run/netns/${name}`, links)), ...servers].join(
      "",
    );
  }

  override dispose(): void {
    for (const server of this.#servers) server.kill("SIGKILL");
    super.dispose();
  }

  #attach(name: string, netns: string): unknown {
    const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
    const ipam = { type: "host-local", dataDir: this.dataDir, ranges };
    const flags = { isDefaultGateway: true, hairpinMode: true };
    const config = { cniVersion: "1.0.0", name: "net1", type: "bridge", bridge: "br0", ...flags, ipam };
    const { status, stdout, stderr } = this.plugin("bridge", { command: "ADD", config, containerId: name, netns });
    if (status !== 0) throw new Error(`bridge ADD ended with ${status}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  }
}
