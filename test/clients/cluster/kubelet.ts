import fs from "node:fs";
import path from "node:path";
import { Containerd, RELEASES } from "../runtimes/containerd.ts";
import type { Port } from "../runtimes/cri.ts";
import { IMAGE } from "../runtimes/image.ts";
import type { Sandbox } from "../runtimes/sandbox.ts";
import { webServer } from "../runtimes/who.ts";
import { kubeletFile } from "./kubelet-program.ts";
import { PodCgroups } from "./pod-cgroups.ts";

const CONFIG = "/etc/kubernetes/kubelet.json";
const MANIFESTS = "/etc/kubernetes/manifests";
const RESOLV_CONF = "/etc/kubernetes/resolv.conf";
const DATA = "/var/lib/kubelet";
const NODE = "node";
/** Where it answers without any authentication. */
const HEALTH = "http://127.0.0.1:10248/healthz";
const PODS = "http://127.0.0.1:10255/pods";

const CONFIGURATION = {
  kind: "KubeletConfiguration",
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
  staticPodPath: MANIFESTS,
  resolvConf: RESOLV_CONF,
  // No API server.
  registerNode: false,
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: "AlwaysAllow" },
  address: "127.0.0.1",
  readOnlyPort: 10255,
  maxPods: 500,
  syncFrequency: "5s",
  // What a machine without systemd, and a root that has not every capability, need.
  cgroupDriver: "cgroupfs",
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  failSwapOn: false,
  oomScoreAdj: 0,
  maxOpenFiles: 15_000,
  featureGates: { KubeletInUserNamespace: true },
  // The machine is others', too.
  evictionHard: { "memory.available": "1Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
};

/** Parameters that the kubelet sets for the whole machine. On a node of a test's, it writes to files. */
const PARAMETERS = {
  "vm/overcommit_memory": 1,
  "vm/panic_on_oom": 0,
  "kernel/panic": 10,
  "kernel/panic_on_oops": 1,
  "kernel/keys/root_maxkeys": 1_000_000,
  "kernel/keys/root_maxbytes": 25_000_000,
};

export interface Pod {
  readonly name: string;
  readonly isReady: boolean;
  /** In the order of the result of ADD. */
  readonly addresses: readonly string[];
  /** The runtime's identifier of its container. */
  readonly container: string;
}

/** A kubelet with containerd 2 on a node of its own. Its pods are static: files, and no API server. */
export class Kubelet {
  readonly containerd: Containerd;
  readonly #file: string;
  readonly #cgroups = new PodCgroups();
  #pid = "";
  #added = 0;

  private constructor(containerd: Containerd, file: string) {
    [this.containerd, this.#file] = [containerd, file];
  }

  /** Starts it with one network list. @throws Error where the kubelet or containerd is not to be had */
  static async start(list: unknown): Promise<Kubelet> {
    const file = kubeletFile();
    const kubelet = new Kubelet(await Containerd.start(RELEASES["2"], list), file);
    try {
      kubelet.#prepare();
      await kubelet.restart();
    } catch (error) {
      await kubelet.dispose();
      throw error;
    }
    return kubelet;
  }

  get node(): Sandbox {
    return this.containerd.node;
  }

  #prepare(): void {
    const { node } = this;
    node.write(CONFIG, JSON.stringify(CONFIGURATION));
    node.write(RESOLV_CONF, "nameserver 192.0.2.2\n");
    node.run(["mkdir", "-p", MANIFESTS, DATA]);
    // What it measures is to be a file system of one device.
    node.run(["mount", "-t", "tmpfs", "none", DATA]);
    for (const [name, value] of Object.entries(PARAMETERS)) {
      const file = path.join("/etc/kubernetes/parameters", name);
      node.write(file, `${value}\n`);
      node.run(["mount", "--bind", file, path.join("/proc/sys", name)]);
    }
  }

  /** Starts the kubelet, and returns when it is well. */
  async restart(): Promise<void> {
    const { node } = this;
    const log = path.join(node.dir, "kubelet.log");
    const options = [`--config=${CONFIG}`, `--root-dir=${DATA}`, `--hostname-override=${NODE}`, "-v=2"];
    this.#pid = node.start([this.#file, ...options], log);
    await node.until(() => node.try(["curl", "--silent", "--fail", "--max-time", "5", HEALTH]).status === 0);
  }

  /** Ends the kubelet without any warning. Pods go on. */
  kill(): void {
    this.node.kill(this.#pid);
  }

  /** Has it begin a pod that serves the image's pages on port 80. */
  add(name: string, ports: readonly Port[] = []): void {
    const place = this.node.seenFromOutside(MANIFESTS);
    // It passes over names that begin with a dot.
    const draft = path.join(place, `.${name}`);
    fs.writeFileSync(draft, JSON.stringify(manifest(name, ports, ++this.#added)));
    fs.renameSync(draft, path.join(place, `${name}.json`));
  }

  /** Has it end a pod. */
  delete(name: string): void {
    fs.rmSync(path.join(this.node.seenFromOutside(MANIFESTS), `${name}.json`), { force: true });
  }

  /** Has it end every pod. */
  deleteAll(): void {
    for (const file of this.node.files(MANIFESTS)) this.delete(path.basename(file, ".json"));
  }

  /** What the kubelet says of its pods, by name. */
  pods(): Pod[] {
    const { items } = JSON.parse(this.node.run(["curl", "--silent", "--fail", "--max-time", "20", PODS]));
    return (Array.isArray(items) ? items : []).map(podOf).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Names of the pods whose web servers run. */
  ready(): string[] {
    return this.pods().flatMap(({ name, isReady }) => (isReady ? [name] : []));
  }

  async dispose(): Promise<void> {
    await this.containerd.dispose();
    this.#cgroups.remove();
  }
}

/** A pod's manifest. A kubelet takes those that are alike for one pod: `number` tells a pod from an older one of its name. */
function manifest(name: string, ports: readonly Port[], number: number) {
  const readinessProbe = { tcpSocket: { port: 80 }, periodSeconds: 1 };
  const main = { name: "main", image: IMAGE, imagePullPolicy: "Never", command: webServer(), ports, readinessProbe };
  return {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name, namespace: "default", annotations: { number: String(number) } },
    spec: {
      containers: [main],
      dnsPolicy: "Default",
      enableServiceLinks: false,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
    },
  };
}

interface ApiPod {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly containerStatuses?: readonly { readonly ready: boolean; readonly containerID?: string }[];
  };
}

/** A static pod's name ends in its node's. */
function podOf({ metadata, status }: ApiPod): Pod {
  const [main] = status.containerStatuses ?? [];
  return {
    name: metadata.name.slice(0, -`-${NODE}`.length),
    isReady: main?.ready ?? false,
    addresses: (status.podIPs ?? []).map(({ ip }) => ip),
    container: (main?.containerID ?? "").replace("containerd://", ""),
  };
}
