import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Cri, type PodConfig } from "./cri.ts";
import { IMAGE, makeImage } from "./image.ts";
import { PLUGIN_DIR, Sandbox } from "./sandbox.ts";
import { unpackedPackages } from "./unpacked-packages.ts";
import type { Who } from "./who.ts";

const SOCKET = "/run/containerd/containerd.sock";
const CONFIG = "/etc/containerd/config.toml";
const LIST = "/etc/cni/net.d/10-containerd-net.conflist";

/** A release of containerd: where it is, and how it is told what docs/ says to set, and what a test's machine needs. */
export interface Release {
  /** What `containerd --version` has to print. */
  readonly version: RegExp;
  readonly config: string;
  /** Makes the folder of its executables where it is missing, and returns it. */
  readonly folder: () => string;
}

export const RELEASES = {
  "1.6": {
    version: /\b1\.[67]\./,
    folder: () => "/usr/bin",
    config: `
version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${IMAGE}"
  disable_apparmor = true
  disable_hugetlb_controller = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${PLUGIN_DIR}"
    conf_dir = "/etc/cni/net.d"
`,
  },
  "2": {
    version: /\b2\./,
    // It needs a libc 2.34.
    folder: () => path.join(unpackedPackages("containerd", ["containerd"]), "usr/bin"),
    config: `
version = 3

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  disable_hugetlb_controller = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${PLUGIN_DIR}"]
    conf_dir = "/etc/cni/net.d"
`,
  },
} satisfies Record<string, Release>;

/** containerd on a node of its own, called as the kubelet calls it. */
export class Containerd {
  readonly node: Sandbox;
  cri: Cri;
  readonly #folder: string;
  #pid = "";

  private constructor(node: Sandbox, folder: string) {
    [this.node, this.#folder] = [node, folder];
    this.cri = this.#connect();
  }

  /** Starts a release with one network list. @throws Error where that release is not to be had */
  static start(release: Release, list: unknown): Promise<Containerd> {
    const folder = release.folder();
    return Sandbox.start((node) => Containerd.#prepare(node, { folder, release, list }));
  }

  static async #prepare(
    node: Sandbox,
    given: { folder: string; release: Release; list: unknown },
  ): Promise<Containerd> {
    const { folder, release, list } = given;
    const version = node.run([path.join(folder, "containerd"), "--version"]).trim();
    if (!release.version.test(version)) throw new Error(`Cannot test "${version}": must match ${release.version}`);
    const containerd = new Containerd(node, folder);
    node.write(CONFIG, release.config);
    // What is there is podman's.
    node.run(["rm", "-rf", "/etc/cni/net.d"]);
    node.write(LIST, JSON.stringify(list));
    await containerd.restart();
    containerd.importImage(makeImage(node.dir));
    return containerd;
  }

  /** Makes an image of an archive known to the kubelet. */
  importImage(archive: string): void {
    const options = ["--address", SOCKET, "--namespace", "k8s.io"];
    this.node.run([path.join(this.#folder, "ctr"), ...options, "images", "import", archive]);
  }

  async dispose(): Promise<void> {
    this.cri.close();
    await this.node.dispose();
  }

  /** Ends containerd without any warning. Pods go on. */
  kill(): void {
    this.cri.close();
    this.node.kill(this.#pid);
  }

  /** Starts containerd, and returns when it answers. */
  async restart(): Promise<void> {
    const environment = { PATH: `${this.#folder}:${process.env["PATH"]}` };
    const log = path.join(this.node.dir, "containerd.log");
    this.#pid = this.node.start([path.join(this.#folder, "containerd"), "--config", CONFIG], log, { environment });
    for (const deadline = Date.now() + 30_000; ; await sleep(20)) {
      this.cri = this.#connect();
      const answered = await this.cri.version().catch(() => undefined);
      if (answered !== undefined) return;
      this.cri.close();
      if (Date.now() > deadline) throw new Error(`containerd does not answer: ${fs.readFileSync(log, "utf8")}`);
    }
  }

  /** Puts another list in the place of the first. */
  async useList(list: unknown): Promise<void> {
    this.kill();
    this.node.write(LIST, JSON.stringify(list));
    await this.restart();
  }

  pod(name: string, more: Pick<PodConfig, "ports" | "annotations"> = {}): PodConfig {
    return { name, cgroup: this.node.cgroup, ...more };
  }

  /** Makes a pod with a container that serves the image's pages on port 80, and waits until it does. */
  serve(pod: PodConfig) {
    return this.cri.serve(pod);
  }

  /** Asks a web server from inside a container. @throws Error where nobody answers */
  who(container: string, address: string): Promise<Who> {
    return this.cri.who(container, address);
  }

  #connect(): Cri {
    return new Cri(this.node.seenFromOutside(SOCKET));
  }
}
