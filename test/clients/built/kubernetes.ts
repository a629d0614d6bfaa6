import fs from "node:fs";
import path from "node:path";
import type { Sandbox } from "../runtimes/sandbox.ts";

const PORT = 6443;
export const KUBECONFIG = "/etc/cni/net.d/multus.d/multus.kubeconfig";

/** What a pod asks for in its annotation `k8s.v1.cni.cncf.io/networks`, one for each attachment. */
export interface Selection {
  readonly name: string;
  readonly interface?: string;
  readonly ips?: readonly string[];
  readonly mac?: string;
  readonly "default-route"?: readonly string[];
  readonly "cni-args"?: object;
  readonly portMappings?: readonly object[];
}

/** A Kubernetes API on a node, as far as multus needs one. */
export class KubernetesApi {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Starts it; when this resolves, it answers. */
  static async start(node: Sandbox): Promise<KubernetesApi> {
    const api = new KubernetesApi(path.join(node.dir, "api"));
    const program = path.join(import.meta.dirname, "api-server.ts");
    node.write(KUBECONFIG, JSON.stringify(kubeconfig()));
    await node.startUntil("ready", [process.execPath, program, api.#folder, String(PORT)]);
    return api;
  }

  /** Makes a network-attachment-definition. */
  define(name: string, config: object): void {
    const kinds = { kind: "NetworkAttachmentDefinition", apiVersion: "k8s.cni.cncf.io/v1" };
    this.#write("networks", name, { ...kinds, metadata: metadata(name), spec: { config: JSON.stringify(config) } });
  }

  /** Makes a pod, or makes it anew. */
  addPod(name: string, networks: readonly Selection[]): void {
    const annotations = { "k8s.v1.cni.cncf.io/networks": JSON.stringify(networks) };
    const spec = { nodeName: "node", containers: [{ name: "main", image: "main" }] };
    this.#write("pods", name, { kind: "Pod", apiVersion: "v1", metadata: { ...metadata(name), annotations }, spec });
    fs.rmSync(path.join(this.#folder, "status", name), { force: true });
  }

  /** Deletes a pod, as happens before its network is taken down. */
  deletePod(name: string): void {
    fs.rmSync(path.join(this.#folder, "pods", `${name}.json`));
  }

  /** What multus has written into the pod's annotation `network-status` since the pod was made, in the bytes that it came in. */
  status(pod: string): string {
    const file = path.join(this.#folder, "status", pod);
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  }

  #write(folder: string, name: string, object: object): void {
    fs.mkdirSync(path.join(this.#folder, folder), { recursive: true });
    fs.writeFileSync(path.join(this.#folder, folder, `${name}.json`), JSON.stringify(object));
  }
}

function metadata(name: string) {
  return { name, namespace: "default", uid: `${name}-uid` };
}

function kubeconfig() {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server: `http://127.0.0.1:${PORT}` } }],
    users: [{ name: "multus", user: {} }],
    contexts: [{ name: "multus", context: { cluster: "local", user: "multus" } }],
    "current-context": "multus",
  };
}
