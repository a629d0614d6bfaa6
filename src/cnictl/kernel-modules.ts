import fs from "#fs";
import path from "#path";
import { readText } from "../linux/bounded-file.ts";
import { errnoOf } from "../platform/errno.ts";
import { once } from "../platform/once.ts";

/**
 * Whether the kernel has a module: it is loaded or built in, a file from which it can be loaded is there, or neither. Unknown if there
 * are no files for the running kernel.
 */
export type ModuleState = "present" | "loadable" | "missing" | "unknown";

/** What the running kernel and its files say of modules. */
export interface KernelModules {
  /** The kernel's release, like `uname -r`. */
  readonly release: string;
  /** Whether the kernel can load modules at all. */
  readonly isModular: boolean;
  /** Why the kernel does not load a module when it needs one, in words; undefined if it does. */
  readonly obstacle: string | undefined;
  readonly find: (name: string) => ModuleState;
}

/** Reads the state of modules from /proc and /lib/modules below `root`. It loads none. */
export function readModules(root = "/"): KernelModules {
  const release = readIfThere(path.join(root, "proc/sys/kernel/osrelease"))?.trim() ?? "";
  const loaded = namesIn(readIfThere(path.join(root, "proc/modules")), /^\S+/);
  const folder = path.join(root, "lib/modules", release);
  // Thousands of lines, which a module that is loaded does not need.
  const files = once(() => ({
    builtin: namesIn(readIfThere(path.join(folder, "modules.builtin")), FILE_NAME),
    available: namesIn(readIfThere(path.join(folder, "modules.dep")), FILE_NAME),
  }));
  const find = (name: string): ModuleState => {
    if (loaded?.has(name)) return "present";
    const { builtin, available } = files();
    if (builtin?.has(name)) return "present";
    if (available === undefined) return "unknown";
    return available.has(name) && loaded !== undefined ? "loadable" : "missing";
  };
  return { release, isModular: loaded !== undefined, obstacle: findObstacle(root), find };
}

/** Whether the kernel surely runs without the module now. Asking for it would load it, or be in vain. */
export function isAbsent({ find }: Pick<KernelModules, "find">, name: string): boolean {
  return ["loadable", "missing"].includes(find(name));
}

/** The name of the module in a line like "kernel/net/bridge/bridge.ko.xz: kernel/net/llc/llc.ko.xz". */
const FILE_NAME = /(?<=^|\/)[^/:]+(?=\.ko(\.\w+)?(:|$))/;

function namesIn(text: string | undefined, pattern: RegExp): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined;
  const lines = text.split("\n");
  // The kernel writes "-" of a file's name as "_".
  return new Set(lines.flatMap((line) => pattern.exec(line)?.[0].replaceAll("-", "_") ?? []));
}

/** https://docs.kernel.org/admin-guide/sysctl/kernel.html */
function findObstacle(root: string): string | undefined {
  const folder = path.join(root, "proc/sys/kernel");
  if (readIfThere(path.join(folder, "modules_disabled"))?.trim() === "1")
    return "kernel.modules_disabled is 1 until the next boot";
  if (readIfThere(path.join(folder, "modprobe"))?.trim() === "") return "kernel.modprobe is empty";
  return undefined;
}

function readIfThere(file: string): string | undefined {
  try {
    return fs.existsSync(file) ? readText(file) : undefined;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
