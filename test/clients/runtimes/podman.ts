import { IMAGE, makeImage } from "./image.ts";
import { PLUGIN_DIR, Sandbox } from "./sandbox.ts";
import { traces } from "./traces.ts";
import { askWho, readWho, type Who, webServer } from "./who.ts";

/** What docs/ says to set, and what a machine without systemd needs. */
const CONTAINERS_CONF = `
[network]
network_backend = "cni"
cni_plugin_dirs = ["${PLUGIN_DIR}"]

[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"

[containers]
log_driver = "k8s-file"
pids_limit = 0
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
`;

const STORAGE_CONF = `
[storage]
driver = "overlay"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
`;

export interface Container {
  readonly address: string;
  readonly gateway: string;
  readonly mac: string;
}

/** podman on a node of its own, with its default network as its package ships it. */
export class Podman {
  readonly node: Sandbox;

  private constructor(node: Sandbox) {
    this.node = node;
  }

  /** @throws Error where podman has no CNI any more, which is from 5 on */
  static start(): Promise<Podman> {
    return Sandbox.start(Podman.#prepare);
  }

  static #prepare(node: Sandbox): Podman {
    const podman = new Podman(node);
    const version = node.run(["podman", "--version"]).trim();
    if (!/ version [34]\./.test(version))
      throw new Error(`Cannot test "${version}": must be version 4, for podman has no CNI from 5 on. Use Debian 12`);
    node.write("/etc/containers/containers.conf", CONTAINERS_CONF);
    node.write("/etc/containers/storage.conf", STORAGE_CONF);
    podman.run(["load", "--quiet", "--input", makeImage(node.dir)]);
    return podman;
  }

  run(args: readonly string[]): string {
    return this.node.run(["podman", ...args]).trim();
  }

  /** Starts a container that serves the image's pages on port 80, and waits until it does. What it returns is of its default network. */
  serve(name: string, options: readonly string[] = []): Container {
    const limits = ["--cgroup-parent", this.node.cgroup];
    this.run(["run", "--detach", "--name", name, "--hostname", name, ...limits, ...options, IMAGE, ...webServer()]);
    this.#awaitServer(name);
    return this.inspect(name);
  }

  /** Restarts a container that serves pages, and waits until it does again. */
  restart(name: string): Container {
    this.run(["restart", "--time", "0", name]);
    this.#awaitServer(name);
    return this.inspect(name);
  }

  /** What podman says of a container in a network. */
  inspect(name: string, network = "podman"): Container {
    const [address = "", gateway = "", mac = ""] = this.run([
      "inspect",
      "--format",
      `{{with index .NetworkSettings.Networks "${network}"}}{{.IPAddress}} {{.Gateway}} {{.MacAddress}}{{end}}`,
      name,
    ]).split(" ");
    return { address, gateway, mac };
  }

  /** Asks a web server from inside a container. @throws Error where nobody answers */
  who(name: string, address: string): Who {
    return readWho(this.run(["exec", name, ...askWho(address)]));
  }

  /** What there is of containers on the node, apart from a bridge without ports. */
  traces() {
    return traces(this.node, { network: "podman", addresses: /\b10\.88\./ });
  }

  #awaitServer(name: string): void {
    for (let attempt = 0; attempt < 100; attempt++)
      if (this.node.try(["podman", "exec", name, ...askWho("127.0.0.1")]).status === 0) return;
    throw new Error(`Nobody answers in ${name}`);
  }
}
