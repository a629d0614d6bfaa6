import fs from "node:fs";
import path from "node:path";
import { confDir } from "../../caller.ts";
import type { Outcome } from "../../lab.ts";
import { referenceDir } from "../../parity/reference.ts";
import { DhcpServer, UPLINK_RANGE } from "../runtimes/dhcp-server.ts";
import { OpenLog } from "../runtimes/open-log.ts";
import { PLUGIN_DIR, Sandbox } from "../runtimes/sandbox.ts";
import { addSecondLink, SECOND_RANGE } from "../runtimes/second-link.ts";
import { traces } from "../runtimes/traces.ts";
import { askFrom, serve, type Who, webServer } from "../runtimes/who.ts";
import { KUBECONFIG, KubernetesApi, type Selection } from "./kubernetes.ts";
import { multusPlugin } from "./multus.ts";

const LIST = "multus-cni-network";
const POD = { netns: "pod" };

/** What is beyond the outside's gateways: who asks it from there is seen under the address that he sent from. */
const FAR = ["203.0.113.1/32", "2001:db8:f::1/128"];

/**
 * A node whose runtime, cnitool, calls multus, and multus these plugins. The default network is that of `conf/60-ptp.conflist`. Beside the
 * uplink, 192.0.2.0/24 and 2001:db8::/64, the node has a device `ens11` in 198.51.100.0/24. Outside is .2 and ::2 in each, the gateway to
 * 203.0.113.1 and 2001:db8:f::1, and gives .50 to .69 by DHCP. Node and pod have a web server.
 */
export class MultusNode {
  readonly node: Sandbox;
  readonly api: KubernetesApi;
  readonly server: DhcpServer;
  readonly opened: OpenLog;
  readonly #cnitool: string;
  /** The pod's only process, its web server. */
  #pause = "";

  private constructor(node: Sandbox, parts: { api: KubernetesApi; server: DhcpServer; opened: OpenLog }) {
    this.node = node;
    ({ api: this.api, server: this.server, opened: this.opened } = parts);
    this.#cnitool = path.join(referenceDir(), "cnitool");
  }

  static start(): Promise<MultusNode> {
    const plugin = multusPlugin();
    return Sandbox.start(async (node) => {
      node.run(["cp", plugin, path.join(PLUGIN_DIR, "multus")]);
      connect(node);
      const api = await KubernetesApi.start(node);
      const server = await DhcpServer.start(node, { ...UPLINK_RANGE, ...SECOND_RANGE });
      node.run(["rm", "-f", "/etc/cni/net.d/87-podman-bridge.conflist"]);
      node.write("/etc/cni/net.d/00-multus.conflist", JSON.stringify(multusList()));
      node.run(["ip", "netns", "add", "vm"]);
      serve(node, node.dir, {});
      const multus = new MultusNode(node, { api, server, opened: await OpenLog.start(node) });
      multus.startPod();
      return multus;
    });
  }

  /** ADD of the pod with these attachments. @returns the result */
  add(networks: readonly Selection[]) {
    this.api.addPod("pod", networks);
    // multus waits 2.5 seconds for the API, which takes longer on a busy machine. A kubelet tries again, too.
    for (let tries = 10; ; tries--) {
      const { status, stdout, stderr } = this.#call("add");
      if (status === 0) return JSON.parse(stdout);
      if (tries === 0 || !stderr.includes("error waiting for pod")) throw new Error(`${stderr}${stdout}`);
    }
  }

  /** @throws Error with what was printed */
  run(command: "check" | "del"): void {
    const { status, stdout, stderr } = this.#call(command);
    if (status !== 0) throw new Error(`${stderr}${stdout}`);
  }

  #call(command: string): Outcome {
    return this.node.try([this.#cnitool, command, LIST, `/run/netns/${POD.netns}`], {
      environment: {
        NETCONFPATH: "/etc/cni/net.d",
        CNI_PATH: PLUGIN_DIR,
        CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=pod;K8S_POD_UID=pod-uid",
      },
    });
  }

  /** Ends the pod with its namespace, as a crash does. */
  endPod(): void {
    this.node.kill(this.#pause);
    this.node.run(["ip", "netns", "del", POD.netns]);
  }

  startPod(): void {
    this.node.run(["ip", "netns", "add", POD.netns]);
    this.node.run(["ip", "link", "set", "lo", "up"], POD);
    const log = path.join(this.node.dir, "pod.log");
    this.#pause = this.node.start(webServer(this.node.dir), log, POD);
  }

  /** Asks a web server from the pod, by one of its interfaces or addresses. @throws Error where nobody answers */
  ask(address: string, from: string): Who {
    return askFrom(this.node, address, { from, ...POD });
  }

  inPod(command: string): string {
    return this.node.run(command.split(" "), POD);
  }

  /** All that attachments can leave: on the node, in the pod, and at the DHCP server. */
  traces() {
    const { node } = this;
    const ip = (options: object, ...args: string[]) => stateOf(node.run(["ip", ...args], options));
    const all = (options: object) => ({
      links: ip(options, "-brief", "link", "show").map((line) => line.replace(/ .*/, "")),
      routes: ["-4", "-6"].flatMap((family) => ip(options, family, "route", "show", "table", "all")),
      rules: ["-4", "-6"].flatMap((family) => ip(options, family, "rule")),
    });
    const { rules } = traces(node, {
      network: "",
      addresses: /\b10\.97\.|fd00:10:97|\b(192\.0\.2|198\.51\.100)\.\d\d/,
    });
    return {
      ...{ node: all({}), pod: all(POD), rules },
      leases: leaseFiles(node),
      records: node.files("/run/cni/dhcp").filter((name) => name.endsWith(".json")),
      results: [...node.files("/var/lib/cni/results"), ...node.files("/var/lib/cni/multus/results")],
      served: this.server.leases(),
    };
  }

  dispose(): Promise<void> {
    return this.node.dispose();
  }
}

function connect(node: Sandbox): void {
  addSecondLink(node);
  for (const prefix of FAR) node.run(["ip", "addr", "add", prefix, "dev", "lo", "nodad"], { netns: "outside" });
  for (const [far, gateway] of [
    ["203.0.113.0/24", "192.0.2.2"],
    ["2001:db8:f::/64", "2001:db8::2"],
  ] as const)
    node.run(["ip", "route", "add", far, "via", gateway]);
}

/** The list of multus: its default network is that of `conf/60-ptp.conflist`. */
export function multusList(cniVersion = "1.1.0") {
  const ptp = JSON.parse(fs.readFileSync(path.join(confDir, "60-ptp.conflist"), "utf8"));
  // For a pod with a `default-route`, multus 4.2 changes the result that the default network has in the cache: one of 1.1.0 it refuses.
  const delegates = [{ ...ptp, cniVersion: "1.0.0" }];
  const multus = {
    type: "multus",
    kubeconfig: KUBECONFIG,
    binDir: PLUGIN_DIR,
    logFile: "/run/multus.log",
    delegates,
    capabilities: { portMappings: true },
  };
  return { cniVersion, name: LIST, plugins: [multus] };
}

/** Lines without what the kernel adds by itself: to a link some time after it comes up, and to the rules with the first VRF. */
function stateOf(printed: string): string[] {
  return printed.split("\n").filter((line) => !/fe80::|^anycast|^multicast|l3mdev-table/.test(line));
}

/** Leases of every network: files that have an address's name. */
function leaseFiles(node: Sandbox): string[] {
  const folder = "/var/lib/cni/networks";
  return node
    .files(folder)
    .flatMap((network) => node.files(path.join(folder, network)).map((name) => `${network}/${name}`))
    .filter((name) => /\/[0-9a-f]+[.:][^/]*$/.test(name));
}
