import fs from "node:fs";
import path from "node:path";
import { Containerd, RELEASES } from "../runtimes/containerd.ts";
import { goExecutable, sourcesOf } from "../runtimes/go-module.ts";
import { IMAGE } from "../runtimes/image.ts";
import type { Sandbox } from "../runtimes/sandbox.ts";
import { askWho, readWho, type Who, webServer } from "../runtimes/who.ts";

const VERSION = "2.1.3";
const MODULE = "github.com/containerd/nerdctl/v2";
/** The module of nerdctl's own tests, which has no release. */
const UNRELEASED = "github.com/containerd/nerdctl/mod/tigron";

const CONFIG = `
namespace = "k8s.io"
snapshotter = "overlayfs"
cgroup_manager = "cgroupfs"
data_root = "/var/lib/nerdctl"
`;

/** nerdctl: an executable, made once. @throws Error that says what was tried */
export function nerdctlFile(): string {
  return goExecutable({ name: "nerdctl", version: VERSION, main: "./cmd/nerdctl", required: [], prepare });
}

/** Puts nerdctl's own source into the folder, without the only file of the program that is for its tests. */
function prepare(folder: string, run: (...argv: string[]) => string): void {
  const source = sourcesOf(`${MODULE}@v${VERSION}`, run);
  fs.cpSync(source, folder, { recursive: true });
  fs.chmodSync(folder, 0o755);
  for (const name of ["go.mod", "go.sum", "cmd/nerdctl/helpers"]) fs.chmodSync(path.join(folder, name), 0o755);
  fs.rmSync(path.join(folder, "cmd/nerdctl/helpers/testing_linux.go"));
  run("mod", "edit", `-droprequire=${UNRELEASED}`, `-dropreplace=${UNRELEASED}@v0.0.0`);
}

/** nerdctl on a node of its own, with Debian's containerd. */
export class Nerdctl {
  readonly #containerd: Containerd;
  readonly #file: string;

  private constructor(containerd: Containerd, file: string) {
    [this.#containerd, this.#file] = [containerd, file];
  }

  static async start(): Promise<Nerdctl> {
    const file = nerdctlFile();
    const containerd = await Containerd.start(RELEASES["1.6"], {});
    const { node } = containerd;
    node.run(["rm", "-rf", "/etc/cni/net.d"]);
    node.write("/etc/nerdctl/nerdctl.toml", CONFIG);
    return new Nerdctl(containerd, file);
  }

  get node(): Sandbox {
    return this.#containerd.node;
  }

  run(args: readonly string[]): string {
    // compose asks for its working directory.
    return this.node.run(["env", "--chdir=/", this.#file, ...args]).trim();
  }

  /** Starts a container that serves the image's pages on port 80, and waits until it does. */
  async serve(name: string, options: readonly string[] = []): Promise<void> {
    const limits = ["--cgroup-parent", this.node.cgroup];
    this.run(["run", "--detach", "--name", name, "--hostname", name, ...limits, ...options, IMAGE, ...webServer()]);
    await this.untilServed(name);
  }

  /** Waits until a container's web server answers. */
  async untilServed(name: string): Promise<void> {
    await this.node.until(() => this.node.try([this.#file, "exec", name, ...askWho("127.0.0.1")]).status === 0);
  }

  /** The IPv4 address of a container's interface, as it is inside. */
  address(name: string): string {
    return /(?<=inet )[\d.]+/.exec(this.run(["exec", name, "ip", "-4", "addr", "show", "eth0"]))?.[0] ?? "";
  }

  /** Asks a web server from inside a container. @throws Error where nobody answers */
  who(name: string, address: string): Who {
    return readWho(this.run(["exec", name, ...askWho(address)]));
  }

  dispose(): Promise<void> {
    return this.#containerd.dispose();
  }
}
