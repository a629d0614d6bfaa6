import fs from "node:fs";
import path from "node:path";
import { goExecutable } from "../runtimes/go-module.ts";
import { makeImage } from "../runtimes/image.ts";
import { PLUGIN_DIR, Sandbox } from "../runtimes/sandbox.ts";
import { askWho, readWho, type Who } from "../runtimes/who.ts";
import { writeRunc } from "./runc.ts";

const VERSION = "0.34.2";
const MODULE = "github.com/moby/buildkit";

const CONFIG = "/etc/buildkit/buildkitd.toml";
const LIST = "/etc/buildkit/cni.conflist";
const ADDRESS = "unix:///run/buildkit/buildkitd.sock";

/** An executable of BuildKit's, made once. @throws Error that says what was tried */
export function buildkitFile(name: "buildkitd" | "buildctl"): string {
  return goExecutable({ name, version: VERSION, main: `${MODULE}/cmd/${name}`, required: [`${MODULE} v${VERSION}`] });
}

/** What docs/ says to set, and what a test's node needs. */
function configuration(cgroup: string, runc: string): string {
  return `
[worker.oci]
  networkMode = "cni"
  cniBinaryPath = "${PLUGIN_DIR}"
  cniConfigPath = "${LIST}"
  snapshotter = "native"
  binary = "${runc}"
  defaultCgroupParent = "${cgroup}"
[worker.containerd]
  enabled = false
`;
}

/** What a step of a build saw. */
export interface Step extends Who {
  /** Its own address. */
  readonly address: string;
}

/** buildkitd on a node of its own. */
export class Buildkit {
  readonly node: Sandbox;
  readonly #daemon: string;
  readonly #client: string;
  #pid = "";
  #builds = 0;

  private constructor(node: Sandbox, { daemon, client }: { daemon: string; client: string }) {
    [this.node, this.#daemon, this.#client] = [node, daemon, client];
  }

  /** Starts it with a network list. @throws Error where it is not to be had */
  static start(list: unknown): Promise<Buildkit> {
    const programs = { daemon: buildkitFile("buildkitd"), client: buildkitFile("buildctl") };
    return Sandbox.start(async (node) => {
      node.write(CONFIG, configuration(node.cgroup, writeRunc(node)));
      node.write(LIST, JSON.stringify(list));
      makeImage(node.dir);
      const buildkit = new Buildkit(node, programs);
      await buildkit.restart();
      return buildkit;
    });
  }

  /** Ends the daemon without any warning. */
  kill(): void {
    this.node.kill(this.#pid);
  }

  /** Has the daemon end, and returns when it has. */
  stop(): void {
    this.node.kill(this.#pid, "TERM");
  }

  /** Starts the daemon, and returns when it answers. */
  async restart(): Promise<void> {
    const log = path.join(this.node.dir, "buildkitd.log");
    this.#pid = this.node.start([this.#daemon, "--config", CONFIG, "--addr", ADDRESS], log);
    await this.node.until(() => this.node.try([this.#client, "--addr", ADDRESS, "debug", "workers"]).status === 0);
  }

  /** Builds an image that has as many steps at once, each of which asks a web server; returns what they saw. */
  build(address: string, steps = 1): Step[] {
    const folder = this.#writeDockerfile(dockerfile(address, steps));
    const out = path.join(folder, "out");
    this.node.run([...this.#command(folder), "--output", `type=local,dest=${out}`]);
    return Array.from({ length: steps }, (_, i) => readStep(fs.readFileSync(path.join(out, `step${i}`), "utf8")));
  }

  /** Begins to build an image with a step that takes a minute. */
  startLongBuild(): void {
    const folder = this.#writeDockerfile(`${BASE}RUN sleep 60\n`);
    this.node.start(this.#command(folder), path.join(folder, "log"));
  }

  #writeDockerfile(text: string): string {
    const folder = path.join(this.node.dir, `build${++this.#builds}`);
    fs.mkdirSync(folder);
    fs.writeFileSync(path.join(folder, "Dockerfile"), text);
    return folder;
  }

  #command(folder: string): string[] {
    const locals = [`context=${path.join(this.node.dir, "rootfs")}`, `dockerfile=${folder}`];
    const options = ["--no-cache", "--progress", "plain", ...locals.flatMap((local) => ["--local", local])];
    return [this.#client, "--addr", ADDRESS, "build", "--frontend", "dockerfile.v0", ...options];
  }

  dispose(): Promise<void> {
    return this.node.dispose();
  }
}

/** Of the image of busybox. */
const BASE = "FROM scratch AS base\nCOPY . /\n";

/** Steps that are alike would be one: they have numbers. */
function dockerfile(address: string, count: number): string {
  const steps = Array.from({ length: count }, (_, i) => i);
  const ask = `{ ${askWho(address).join(" ")} && ip -oneline -4 addr show scope global; }`;
  const asking = steps.map((i) => `FROM base AS step${i}\nRUN ${ask} >/step && sleep 2 && : ${i}\n`);
  const copies = steps.map((i) => `COPY --from=step${i} /step /step${i}\n`);
  return [BASE, ...asking, "FROM scratch\n", ...copies].join("");
}

function readStep(printed: string): Step {
  const [answer = "", link = ""] = printed.split("\n");
  return { ...readWho(answer), address: /(?<=inet )[\d.]+/.exec(link)?.[0] ?? "" };
}
