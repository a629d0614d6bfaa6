import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { Caller, jsonOf } from "../caller.ts";
import { DNSMASQ } from "../dnsmasq.ts";
import { addOutside, rulesAbout } from "../live/masquerading.ts";
import { tracesOf } from "../live/traces.ts";

/** A network list, and what the runtime asks for when it attaches the container to it. */
export interface Attachment {
  readonly ifname: string;
  readonly plugins: readonly object[];
  readonly capabilities?: object;
  readonly cniVersion?: string;
}

const MACHINE = path.join(import.meta.dirname, "machine.py");

/** Only outside knows a way to it: a container reaches it by the outside as its gateway. */
export const FAR = "198.51.100.1";

/**
 * A container that is attached to several networks, on a host whose link `up0`, 203.0.113.1 and 2001:db8:f::1, leads outside, where .2 and ::2
 * is a gateway. The host also has a device `ens11`, whose other end is outside as well, 192.0.2.1.
 */
export class ShapeLab {
  readonly caller = new Caller();
  readonly netns = this.caller.lab.addNamespace("c1");
  readonly #tool: string;
  readonly #children: ChildProcess[] = [];

  constructor(tool: string) {
    this.#tool = tool;
    const { lab } = this.caller;
    addOutside(lab);
    fs.mkdirSync(this.#folder);
    lab.run([
      "ip",
      "link",
      "add",
      "ens11",
      "type",
      "veth",
      "peer",
      "name",
      "eth1",
      "netns",
      path.basename(this.outside),
    ]);
    for (const command of [
      "ip addr add 192.0.2.1/24 dev eth1",
      "ip link set eth1 up",
      `ip addr add ${FAR}/32 dev lo`,
      "ip route add 10.0.0.0/8 via 203.0.113.1",
    ])
      lab.run(command.split(" "), this.outside);
  }

  get outside(): string {
    return `/run/netns/${this.caller.lab.id}-outside`;
  }

  get #folder(): string {
    return path.join(this.caller.lab.dir, "net.d");
  }

  /** An `ipam` of dhcp, with its state in the lab. */
  get dhcp(): object {
    return { type: "dhcp", daemonSocketPath: path.join(this.caller.lab.dir, "dhcp.sock"), timeout: 20 };
  }

  /** Attaches the container to one network after the other. @returns the results */
  add(attachments: readonly Attachment[]) {
    return attachments.map((each) => {
      const list = { cniVersion: each.cniVersion ?? "1.0.0", name: `on-${each.ifname}`, plugins: each.plugins };
      fs.writeFileSync(path.join(this.#folder, `${list.name}.conflist`), JSON.stringify(list));
      return Object(jsonOf(this.#call("add", each)));
    });
  }

  /** CHECK of each whose version has that, and then DEL in the opposite order. @throws Error with what was printed */
  checkAndDelete(attachments: readonly Attachment[]): void {
    const checked = attachments.filter(({ cniVersion }) => cniVersion !== "0.3.1");
    const inOrder = checked.map((each) => ["check", each] as const);
    const backwards = attachments.toReversed().map((each) => ["del", each] as const);
    for (const [command, each] of [...inOrder, ...backwards]) {
      const { status, stdout, stderr } = this.#call(command, each);
      if (status !== 0) throw new Error(`${command} ${each.ifname} ended with ${status}: ${stderr}${stdout}`);
    }
  }

  /** All that attachments can leave, on the host, in the container and at the DHCP server. */
  traces() {
    const { lab } = this.caller;
    const networks = this.caller.files("networks").flatMap((name) => this.caller.files(`networks/${name}`));
    return {
      network: tracesOf(lab, [this.netns]).network,
      rules: ["-4", "-6"].map((family) => lab.run(["ip", family, "rule"], this.netns)),
      // Tables stay; what is in them is of a container.
      filters: rulesAbout(lab, "10.97.0.", "192.168.127.", "18080"),
      leases: networks.filter((name) => /^[0-9a-f]+[.:]/.test(name)),
      records: this.#filesIn("dhcp").filter((name) => name.endsWith(".json")),
      results: this.caller.files("results"),
      served: this.served(),
      processes: lab.processes(),
    };
  }

  /** Sends a packet from an interface or address of the container, which is answered. @throws Error where it is not */
  ping(to: string, from: string): void {
    this.caller.lab.run(["ping", "-n", "-c1", "-w10", "-I", from, to], this.netns);
  }

  /** Starts dnsmasq outside, which gives .50 to .69 on both of the host's links. */
  async startDhcpServer(): Promise<void> {
    const place = ["--interface=eth0", "--interface=eth1", "--bind-interfaces", `--dhcp-leasefile=${this.#leaseFile}`];
    const ranges = ["203.0.113", "192.0.2"].map((net) => `--dhcp-range=${net}.50,${net}.69,255.255.255.0,120`);
    await this.#start(this.outside, [...DNSMASQ, ...place, ...ranges]);
  }

  /** The addresses that the server has given, with the MACs that have them. */
  served(): string[] {
    const text = fs.existsSync(this.#leaseFile) ? fs.readFileSync(this.#leaseFile, "utf8") : "";
    return text.split("\n").flatMap((line) => (line === "" ? [] : [line.split(" ").slice(1, 3).join(" ")]));
  }

  /** Starts a machine on a tap of the container, with these commands run in it. @returns its namespace */
  async startMachine(tap: string, commands: readonly string[]): Promise<string> {
    const machine = this.caller.lab.addNamespace(`vm-${tap}`);
    await this.#start(this.netns, ["python3", MACHINE, tap, machine, "eth0"]);
    for (const command of commands) this.caller.lab.run(command.split(" "), machine);
    return machine;
  }

  /** Ends the machines and the server. */
  async stop(): Promise<void> {
    for (const child of this.#children.splice(0)) {
      if (child.exitCode !== null) continue;
      child.kill();
      await once(child, "exit");
    }
  }

  async dispose(): Promise<void> {
    await this.stop();
    this.caller.dispose();
  }

  #call(command: string, { ifname, capabilities = {} }: Attachment) {
    return this.caller.run([this.#tool, command, `on-${ifname}`, this.netns], {
      NETCONFPATH: this.#folder,
      CNI_IFNAME: ifname,
      CAP_ARGS: JSON.stringify(capabilities),
    });
  }

  /** Starts a program, and waits for its first words. */
  async #start(netns: string, argv: readonly string[]): Promise<void> {
    const child = spawn("nsenter", [`--net=${netns}`, "--", ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    this.#children.push(child);
    const failed = once(child, "exit").then(([code]) => {
      throw new Error(`${argv[0]} ended with ${code}`);
    });
    await Promise.race([once(child.stdout, "data"), once(child.stderr, "data"), failed]);
    failed.catch(() => {});
  }

  get #leaseFile(): string {
    return path.join(this.caller.lab.dir, "dnsmasq.leases");
  }

  #filesIn(folder: string): string[] {
    const place = path.join(this.caller.lab.dir, folder);
    return fs.existsSync(place) ? fs.readdirSync(place) : [];
  }
}
