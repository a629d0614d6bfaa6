import { setTimeout as sleep } from "node:timers/promises";
import { GrpcService } from "./grpc.ts";
import { IMAGE } from "./image.ts";
import { encode, type Message } from "./protobuf.ts";
import { askWho, readWho, type Who, webServer } from "./who.ts";

export interface Port {
  readonly hostPort: number;
  readonly containerPort: number;
}

export interface PodConfig {
  readonly name: string;
  readonly cgroup: string;
  readonly ports?: readonly Port[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Condition {
  readonly type: string;
  readonly status: boolean;
  readonly message: string;
}

/**
 * The container runtime interface as the kubelet calls it; the numbers are its fields'.
 * <https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto>
 */
export class Cri {
  readonly #service: GrpcService;

  constructor(socket: string) {
    this.#service = new GrpcService(socket, "runtime.v1.RuntimeService");
  }

  version(): Promise<Message> {
    return this.#service.call("Version", encode({}));
  }

  /** RuntimeReady and NetworkReady. */
  async conditions(): Promise<Condition[]> {
    const answer = await this.#service.call("Status", encode({}));
    return answer
      .message(1)
      .messages(1)
      .map((each) => ({ type: each.text(1), status: each.number(2) === 1, message: each.text(4) }));
  }

  /** Says which subnets the node's pods have, of one family or two, as the kubelet does with its Node's podCIDRs. */
  async setPodSubnets(subnets: readonly string[]): Promise<void> {
    const network = encode({ 1: subnets.join(",") });
    await this.#service.call("UpdateRuntimeConfig", encode({ 1: encode({ 1: network }) }));
  }

  /** Makes a pod and its network; returns its identifier. */
  async runPod(pod: PodConfig): Promise<string> {
    return (await this.#service.call("RunPodSandbox", encode({ 1: podConfig(pod) }))).text(1);
  }

  async stopPod(id: string): Promise<void> {
    await this.#service.call("StopPodSandbox", encode({ 1: id }));
  }

  async removePod(id: string): Promise<void> {
    await this.#service.call("RemovePodSandbox", encode({ 1: id }));
  }

  /** Identifiers of all pods, also of those that stopped. */
  async pods(): Promise<string[]> {
    const answer = await this.#service.call("ListPodSandbox", encode({}));
    return answer.messages(1).map((pod) => pod.text(1));
  }

  /** A pod's addresses, in the order of the result of ADD. */
  async addresses(id: string): Promise<string[]> {
    const answer = await this.#service.call("PodSandboxStatus", encode({ 1: id }));
    const network = answer.message(1).message(5);
    return [network.text(1), ...network.messages(2).map((each) => each.text(1))];
  }

  /** Starts a container in a pod; returns its identifier. */
  async startContainer(pod: PodConfig, { id, image, command }: { id: string; image: string; command: string[] }) {
    const container = encode({ 1: encode({ 1: "main" }), 2: encode({ 1: image }), 3: command });
    const created = await this.#service.call("CreateContainer", encode({ 1: id, 2: container, 3: podConfig(pod) }));
    await this.#service.call("StartContainer", encode({ 1: created.text(1) }));
    return created.text(1);
  }

  /** Runs a command in a container; returns what it printed. @throws Error where it fails, with what it printed */
  async exec(container: string, command: readonly string[]): Promise<string> {
    const answer = await this.#service.call("ExecSync", encode({ 1: container, 2: command, 3: 10 }));
    if (answer.number(3) !== 0)
      throw new Error(`${command.join(" ")} ended with ${answer.number(3)}: ${answer.text(2)}${answer.text(1)}`);
    return answer.text(1);
  }

  /** Makes a pod with a container that serves the image's pages on port 80, and waits until it does. */
  async serve(pod: PodConfig) {
    const id = await this.runPod(pod);
    const container = await this.startContainer(pod, { id, image: IMAGE, command: webServer() });
    while ((await this.who(container, "127.0.0.1").catch(() => undefined)) === undefined) await sleep(20);
    return { id, container, addresses: await this.addresses(id) };
  }

  /** Asks a web server from inside a container. @throws Error where nobody answers */
  async who(container: string, address: string): Promise<Who> {
    return readWho(await this.exec(container, askWho(address)));
  }

  close(): void {
    this.#service.close();
  }
}

function podConfig({ name, cgroup, ports = [], annotations = {} }: PodConfig): Buffer {
  return encode({
    1: encode({ 1: name, 2: `${name}-uid`, 3: "default" }),
    2: name,
    5: ports.map(({ hostPort, containerPort }) => encode({ 2: containerPort, 3: hostPort })),
    7: Object.entries(annotations).map(([key, value]) => encode({ 1: key, 2: value })),
    8: encode({ 1: cgroup }),
  });
}
