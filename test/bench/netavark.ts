import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Container, Contender, hostPort, type Port } from "./contender.ts";
import type { Job } from "./exec-timer.ts";

/** What netavark calls the commands of an attachment; it has no CHECK. */
const SUBCOMMANDS: Readonly<Record<string, string>> = { ADD: "setup", DEL: "teardown" };

/** The first release that ours is compared with. */
const LEAST = { major: 2, minor: 1 };

/** Podman's network stack, with a network of the same kind: a bridge that masquerades, by nftables. It allocates no addresses. */
export class Netavark extends Contender {
  readonly #file: string;
  readonly #ports: readonly Port[];

  constructor({ name, file, ports = [] }: { name: string; file: string; ports?: readonly Port[] }) {
    super(name);
    this.#file = file;
    this.#ports = ports;
    fs.mkdirSync(this.#state);
  }

  get #state(): string {
    return path.join(this.lab.dir, "netavark");
  }

  protected override jobs(command: string, container: Container): readonly Job[] {
    const subcommand = SUBCOMMANDS[command];
    if (subcommand === undefined) throw new Error(`Cannot ask netavark for "${command}": must be ADD or DEL`);
    const options = ["--config", this.#state, "--firewall-driver", "nftables"];
    return [
      {
        argv: [this.#file, ...options, subcommand, container.netns],
        input: JSON.stringify(formatOptions(container, this.#ports)),
        env: { PATH: process.env["PATH"] ?? "" },
      },
    ];
  }
}

/**
 * The executable: `NETAVARK`, else `netavark` of PATH or of cargo's folder; undefined where there is none, or an older one than is
 * asked for. @throws Error where `NETAVARK` is none
 */
export function findNetavark(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const given = environment["NETAVARK"];
  const folders = [
    ...(environment["PATH"] ?? "").split(":"),
    path.join(environment["HOME"] ?? os.homedir(), ".cargo/bin"),
  ];
  const files = given === undefined ? folders.map((folder) => path.join(folder, "netavark")) : [path.resolve(given)];
  const file = files.find((each) => isNewEnough(spawnSync(each, ["--version"], { encoding: "utf8" }).stdout));
  if (given !== undefined && file === undefined)
    throw new Error(`Cannot use NETAVARK "${given}": must be netavark ${LEAST.major}.${LEAST.minor} or newer`);
  return file;
}

/** What netavark reads: the container's network options, as podman writes them. */
export function formatOptions(
  { id, number }: Pick<Container, "id" | "number">,
  ports: readonly Port[],
): Record<string, unknown> {
  return {
    container_id: id,
    container_name: id,
    networks: { bench: { interface_name: "eth0", static_ips: [`10.1.0.${number + 2}`] } },
    network_info: {
      bench: {
        name: "bench",
        id: "bench",
        driver: "bridge",
        network_interface: "bench0",
        subnets: [{ subnet: "10.1.0.0/16", gateway: "10.1.0.1" }],
        ipam_options: { driver: "host-local" },
        internal: false,
        ipv6_enabled: false,
        dns_enabled: false,
      },
    },
    port_mappings: ports.map(({ containerPort, protocol }, i) => ({
      container_port: containerPort,
      host_ip: "",
      host_port: hostPort({ number }, i),
      protocol,
      range: 1,
    })),
  };
}

function isNewEnough(printed: string | null): boolean {
  const [, major, minor] = /^netavark (\d+)\.(\d+)/.exec(printed ?? "")?.map(Number) ?? [];
  if (major === undefined || minor === undefined) return false;
  return major > LEAST.major || (major === LEAST.major && minor >= LEAST.minor);
}
