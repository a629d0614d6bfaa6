import fs from "node:fs";
import path from "node:path";
import { CGROUPS, removeCgroups } from "../runtimes/sandbox.ts";

/** Where containerd has the control groups of pods whose kubelet names no other. */
const NAME = "k8s.io";

/** The control groups of pods that come after this is made. */
export class PodCgroups {
  readonly #before = new Set(list());

  /** Removes them. They are empty when the pods' processes have ended. */
  remove(): void {
    for (const folder of list()) if (!this.#before.has(folder)) removeCgroups(folder);
  }
}

/** The pods' groups in each hierarchy, and before them the folder that they are in. */
function list(): string[] {
  const parents = ["", ...fs.readdirSync(CGROUPS)].map((hierarchy) => path.join(CGROUPS, hierarchy, NAME));
  return parents.filter((parent) => fs.existsSync(parent)).flatMap((parent) => [parent, ...foldersOf(parent)]);
}

function foldersOf(parent: string): string[] {
  const entries = fs.readdirSync(parent, { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [path.join(parent, entry.name)] : []));
}
