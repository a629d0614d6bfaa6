import path from "node:path";
import { Lab } from "../lab.ts";
import { type Job, type Timing, timeChains } from "./exec-timer.ts";

/** A container's port that is published. */
export interface Port {
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
}

/** What one call cost, or several at once: of a list's plugins together. */
export interface Cost {
  /** From the first start to the last end, milliseconds. */
  readonly ms: number;
  /** Of the slowest of several at once, milliseconds. */
  readonly slowest: number;
  readonly cpu: number;
  /** Of the largest process, megabytes. */
  readonly memory: number;
}

/** Whom a call is for. */
export interface Container {
  readonly id: string;
  /** From 0, in the order in which a contender met them. */
  readonly number: number;
  readonly netns: string;
}

/** One of those that are measured, in a lab of its own. */
export abstract class Contender {
  readonly name: string;
  protected readonly lab = new Lab();
  readonly #containers = new Map<string, Container>();

  constructor(name: string) {
    this.name = name;
  }

  /** What is run for one container, one program after the other. */
  protected abstract jobs(command: string, container: Container): readonly Job[];

  /** Learns what the last program printed. */
  protected note(_command: string, _container: Container, _stdout: string): void {}

  /** Runs a command for each of the containers as a runtime does, all containers at once. @throws Error when a call fails */
  run(command: string, ids: readonly string[] = ["c1"]): Cost {
    const containers = ids.map((id) => this.container(id));
    const place = { netns: this.lab.host, folder: path.join(this.lab.dir, "calls") };
    const timings = timeChains(
      place,
      containers.map((container) => this.jobs(command, container)),
    );
    for (const [i, container] of containers.entries()) this.note(command, container, timings[i]?.stdout ?? "");
    return costOf(timings);
  }

  dispose(): void {
    this.lab.dispose();
  }

  /** Makes the container's namespace at the first call. */
  protected container(id: string): Container {
    const number = this.#containers.size;
    const container = this.#containers.get(id) ?? { id, number, netns: this.lab.addNamespace(id) };
    this.#containers.set(id, container);
    return container;
  }
}

/** The port of the host's for a container's: no two containers have the same. */
export function hostPort({ number }: Pick<Container, "number">, index: number): number {
  return 18_000 + 10 * number + index;
}

function costOf(timings: readonly Timing[]): Cost {
  const starts = timings.map(({ start }) => start);
  const ends = timings.map(({ end }) => end);
  return {
    ms: Math.max(...ends) - Math.min(...starts),
    slowest: Math.max(...timings.map(({ start, end }) => end - start)),
    cpu: timings.reduce((total, { cpu }) => total + cpu, 0),
    memory: Math.max(...timings.map(({ memory }) => memory)),
  };
}
