import type { Nfnetlink, Rtnetlink } from "../../../src/netlink/socket.ts";
import { LinuxError } from "../../../src/platform/errno.ts";

/** What a scene plays on: a kernel, the real one or that in memory, with two namespaces of the scene's own. */
export interface World {
  readonly host: Rtnetlink;
  readonly container: Rtnetlink;
  /** The descriptor of the container's namespace. */
  readonly netns: number;
  /** A socket of NETLINK_NETFILTER of the host's. */
  readonly netfilter: Nfnetlink;
}

/** What was done, and what came of it: an answer in plain values, or the name of the error. */
export type Line = readonly [title: string, outcome: unknown];

/** Plays something on a kernel, and writes down each answer. */
export type Scene = (world: World) => readonly Line[];

/** Writes down what a kernel answers. */
export class Journal {
  readonly lines: Line[] = [];

  /** Does something and notes the answer, or the kernel's error. Any other error comes through. */
  note(title: string, act: () => unknown): void {
    try {
      this.lines.push([title, plain(act()) ?? "done"]);
    } catch (error) {
      if (!(error instanceof LinuxError)) throw error;
      this.lines.push([title, error.code]);
    }
  }
}

/** What differs from kernel to kernel, or is for nobody. */
const LEFT_OUT = new Set(["unknown", "mask", "handle", "position"]);

/** States of a link that does not carry traffic, which the kernel comes to in its own time. <linux/if.h> */
const DOWN: readonly unknown[] = [2, 3];

/** A value as JSON has it: bytes as digits, nothing undefined, nothing that a kernel is free to choose. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key, each]) => each !== undefined && !LEFT_OUT.has(key));
  const isDown = (key: string, each: unknown) => key === "operationalState" && DOWN.includes(each);
  return Object.fromEntries(entries.map(([key, each]) => [key, isDown(key, each) ? "down" : plain(each)]));
}
