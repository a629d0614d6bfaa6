import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Cri, type PodConfig } from "../runtimes/cri.ts";
import { IMAGE, makeImage } from "../runtimes/image.ts";
import { PLUGIN_DIR, Sandbox } from "../runtimes/sandbox.ts";
import { crioFiles } from "./crio-programs.ts";
import { writeRunc } from "./runc.ts";

const SOCKET = "/run/crio/crio.sock";
const CONFIG = "/etc/crio/crio.conf";
const LIST = "/etc/cni/net.d/11-crio-ipv4-bridge.conflist";
const STORAGE = { root: "/var/lib/containers/storage", runroot: "/run/containers/storage" };

function configuration({ pinns, runc }: { pinns: string; runc: string }): string {
  return `
[crio]
root = "${STORAGE.root}"
runroot = "${STORAGE.runroot}"
storage_driver = "overlay"
log_dir = "/var/log/crio/pods"
version_file = "/run/crio/version"
version_file_persist = "/var/lib/crio/version"
clean_shutdown_file = "/var/lib/crio/clean.shutdown"
[crio.api]
listen = "${SOCKET}"
stream_port = "0"
[crio.runtime]
default_runtime = "runc"
cgroup_manager = "cgroupfs"
conmon_cgroup = "pod"
pinns_path = "${pinns}"
seccomp_profile = ""
[crio.runtime.runtimes.runc]
runtime_path = "${runc}"
runtime_type = "oci"
runtime_root = "/run/runc"
monitor_path = "/usr/bin/conmon"
monitor_cgroup = "pod"
[crio.image]
pause_image = "${IMAGE}"
pause_command = ""
[crio.network]
network_dir = "/etc/cni/net.d/"
plugin_dirs = ["${PLUGIN_DIR}"]
[crio.metrics]
enable_metrics = false
[crio.nri]
enable_nri = false
`;
}

/** CRI-O on a node of its own, called as the kubelet calls it. */
export class Crio {
  readonly node: Sandbox;
  cri: Cri;
  readonly #file: string;
  #pid = "";

  private constructor(node: Sandbox, file: string) {
    [this.node, this.#file] = [node, file];
    this.cri = this.#connect();
  }

  /** Starts it with one network list. @throws Error where it is not to be had */
  static start(list: unknown): Promise<Crio> {
    const { crio, pinns } = crioFiles();
    return Sandbox.start(async (node) => {
      const started = new Crio(node, crio);
      node.write(CONFIG, configuration({ pinns, runc: writeRunc(node) }));
      node.write("/etc/containers/policy.json", JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
      node.run(["mkdir", "-p", "/var/lib/crio", "/run/crio"]);
      // What is there is podman's.
      node.run(["rm", "-rf", "/etc/cni/net.d"]);
      node.write(LIST, JSON.stringify(list));
      const storage = ["--root", STORAGE.root, "--runroot", STORAGE.runroot, "--storage-driver", "overlay"];
      node.run(["podman", ...storage, "load", "--quiet", "--input", makeImage(node.dir)]);
      await started.restart();
      return started;
    });
  }

  /** What `crio --version` says. */
  version(): string {
    return /^crio version (\S+)/m.exec(this.node.run([this.#file, "--version"]))?.[1] ?? "";
  }

  /** Ends CRI-O without any warning. Pods go on. */
  kill(): void {
    this.cri.close();
    this.node.kill(this.#pid);
  }

  /** Starts CRI-O, and returns when its network is ready. */
  async restart(): Promise<void> {
    const log = path.join(this.node.dir, "crio.log");
    this.#pid = this.node.start([this.#file, "--config", CONFIG], log);
    for (const deadline = Date.now() + 60_000; ; await sleep(50)) {
      this.cri = this.#connect();
      const conditions = await this.cri.conditions().catch(() => []);
      if (conditions.length > 0 && conditions.every(({ status }) => status)) return;
      this.cri.close();
      if (Date.now() > deadline) throw new Error(`CRI-O is not ready: ${fs.readFileSync(log, "utf8")}`);
    }
  }

  pod(name: string, more: Pick<PodConfig, "ports"> = {}): PodConfig {
    return { name, cgroup: this.node.cgroup, ...more };
  }

  async dispose(): Promise<void> {
    this.cri.close();
    await this.node.dispose();
  }

  #connect(): Cri {
    return new Cri(this.node.seenFromOutside(SOCKET));
  }
}
