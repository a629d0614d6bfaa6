import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { Lab } from "../lab.ts";

/** How long the bus and firewalld may take to start, on a machine that has other things to do. */
const START_MS = 60_000;

/** A firewalld of a lab's own: on its host, with its own configuration, on a message bus of its own. */
export class LabFirewalld {
  readonly #lab: Lab;
  readonly #processes: ChildProcess[] = [];
  /** What a plugin needs to find it. */
  readonly environment: Readonly<Record<string, string>>;

  private constructor(lab: Lab) {
    this.#lab = lab;
    this.environment = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${path.join(lab.dir, "bus")}` };
  }

  /** Starts both and waits until firewalld answers. */
  static async start(lab: Lab): Promise<LabFirewalld> {
    const firewalld = new LabFirewalld(lab);
    try {
      await firewalld.#start();
      return firewalld;
    } catch (error) {
      await firewalld.stop();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { dir } = this.#lab;
    const configuration = path.join(dir, "bus.conf");
    fs.writeFileSync(configuration, busConfiguration(path.join(dir, "bus")));
    fs.cpSync("/etc/firewalld", path.join(dir, "firewalld"), { recursive: true });
    const settings = path.join(dir, "firewalld/firewalld.conf");
    fs.writeFileSync(
      settings,
      fs.readFileSync(settings, "utf8").replace(/^FirewallBackend=.*/m, "FirewallBackend=nftables"),
    );
    this.#spawn(["dbus-daemon", `--config-file=${configuration}`, "--nofork", "--nopidfile"]);
    await this.#until(() => fs.existsSync(path.join(dir, "bus")));
    const log = path.join(dir, "firewalld.log");
    const folder = path.join(dir, "firewalld");
    this.#spawn(["firewalld", "--nofork", "--nopid", "--system-config", folder, "--log-file", log]);
    await this.#until(() => this.#try(["--state"]).status === 0);
  }

  /** Runs firewall-cmd; returns what it printed. */
  command(...args: readonly string[]): string {
    const { status, stdout, stderr } = this.#try(args);
    if (status !== 0) throw new Error(`firewall-cmd ${args.join(" ")} failed with ${status}: ${stderr}${stdout}`);
    return stdout.trim();
  }

  /** The sources of a zone. */
  sources(zone: string): string[] {
    return this.command(`--zone=${zone}`, "--list-sources")
      .split(" ")
      .filter((source) => source !== "")
      .sort();
  }

  /** Ends both; their processes alone. */
  async stop(): Promise<void> {
    for (const child of this.#processes.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), START_MS);
      await ended;
      clearTimeout(timer);
    }
  }

  #try(args: readonly string[]) {
    const variables = Object.entries(this.environment).map(([name, value]) => `${name}=${value}`);
    return this.#lab.try(["env", ...variables, "firewall-cmd", ...args]);
  }

  #spawn(argv: readonly string[]): void {
    const child = spawn("nsenter", [`--net=${this.#lab.host}`, "--", ...argv], {
      env: { ...process.env, ...this.environment },
      stdio: "ignore",
    });
    this.#processes.push(child);
  }

  async #until(isReady: () => boolean): Promise<void> {
    for (const deadline = Date.now() + START_MS; !isReady(); ) {
      const dead = this.#processes.find(({ exitCode }) => exitCode !== null);
      if (dead !== undefined) throw new Error(`${dead.spawnargs.join(" ")} ended with ${dead.exitCode}`);
      if (Date.now() > deadline) throw new Error("firewalld does not answer");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function busConfiguration(socket: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
`;
}
