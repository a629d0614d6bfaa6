import fs from "node:fs";
import path from "node:path";
import { makeImage } from "../runtimes/image.ts";
import { PLUGIN_DIR, Sandbox } from "../runtimes/sandbox.ts";
import { unpackedPackages } from "../runtimes/unpacked-packages.ts";
import { askWho, readWho, type Who, webServer } from "../runtimes/who.ts";

const CONFIG = "/etc/apptainer/apptainer.conf";
/** Where its package has its network lists. */
const LISTS = "/etc/apptainer/network";

/** Where it keeps what it knows of images and instances. */
const ENVIRONMENT = { APPTAINER_CONFIGDIR: "/run/apptainer-config", HOME: "/run" };

/** A root that has not every capability cannot give all of them. */
const CAPABILITIES = ["--drop-caps", "CAP_SYS_RESOURCE"];
const OPTIONS = ["--containall", ...CAPABILITIES, "--net"];

/** Debian 12 has no apptainer, and the newest one needs newer libraries. */
const PACKAGES = ["apptainer", "libc6", "libseccomp2", "libsqlite3-0"];

/** apptainer with the libraries that it needs: a folder, made once. @throws Error where it is not to be had */
export function apptainerFolder(): string {
  return unpackedPackages("apptainer", PACKAGES);
}

/** apptainer on a node of its own, with the networks that its package has. */
export class Apptainer {
  readonly node: Sandbox;
  /** Folder of a container's root. */
  readonly #root: string;

  private constructor(node: Sandbox) {
    this.node = node;
    this.#root = path.join(node.dir, "sandbox");
  }

  /** @throws Error where it is not to be had */
  static start(): Promise<Apptainer> {
    const folder = apptainerFolder();
    return Sandbox.start((node) => Apptainer.#prepare(node, folder));
  }

  static #prepare(node: Sandbox, folder: string): Apptainer {
    for (const name of fs.globSync(["usr/bin", "usr/lib/*-linux-gnu"], { cwd: folder })) {
      const layers = `lowerdir=${path.join(folder, name)}:/${name}`;
      node.run(["mount", "-t", "overlay", "-o", layers, "none", `/${name}`]);
    }
    for (const name of ["etc/apptainer", "var/lib/apptainer"])
      node.run(["cp", "-a", path.join(folder, name), path.join("/", path.dirname(name))]);
    // What docs/ says to set.
    node.run(["sed", "-i", `s|^#cni plugin path =.*|cni plugin path = ${PLUGIN_DIR}|`, CONFIG]);
    makeImage(node.dir);
    const apptainer = new Apptainer(node);
    apptainer.run(["build", "--sandbox", apptainer.#root, `oci:${path.join(node.dir, "image")}`]);
    return apptainer;
  }

  run(args: readonly string[]): string {
    return this.node.run(["apptainer", ...args], { environment: ENVIRONMENT }).trim();
  }

  /** Runs a command in a container of a network; returns what it printed. */
  exec(network: string, command: readonly string[]): string {
    return this.run(["exec", ...OPTIONS, "--network", network, this.#root, ...command]);
  }

  /** Asks a web server from inside a container of a network. @throws Error where nobody answers */
  who(network: string, address: string): Who {
    return readWho(this.exec(network, askWho(address)));
  }

  /** Starts an instance that serves the image's pages, also on a port of the host, and waits until it does. */
  async serve(name: string, network: string, port: number): Promise<void> {
    const options = ["--hostname", name, "--network", network, "--network-args", `portmap=${port}:80/tcp`];
    this.run(["instance", "run", ...OPTIONS, ...options, this.#root, name, ...webServer()]);
    const ask = ["apptainer", "exec", ...CAPABILITIES, `instance://${name}`, ...askWho("127.0.0.1")];
    await this.node.until(() => this.node.try(ask, { environment: ENVIRONMENT }).status === 0);
  }

  stop(name: string): void {
    this.run(["instance", "stop", name]);
  }

  stopAll(): void {
    for (const { instance } of this.#instances()) this.stop(instance);
  }

  /** Ends an instance without any warning, and without DEL: the process that would call it dies first. */
  async kill(name: string): Promise<void> {
    const { node } = this;
    const pid = this.#instances().find(({ instance }) => instance === name)?.pid;
    const status = node.run(["cat", `/proc/${pid}/status`]);
    node.kill(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? "");
    await node.until(() => node.try(["test", "-e", `/proc/${pid}`]).status !== 0);
  }

  /** Runs cnictl for its networks; returns what it printed. */
  cnictl(...args: readonly string[]): string {
    const environment = { CNI_PATH: PLUGIN_DIR, NETCONFPATH: LISTS };
    return this.node.run([path.join(PLUGIN_DIR, "cnictl"), ...args], { environment });
  }

  #instances(): { readonly instance: string; readonly pid: number }[] {
    return JSON.parse(this.run(["instance", "list", "--json"])).instances ?? [];
  }
}
