import fs from "node:fs";
import path from "node:path";
import type { Lab } from "../lab.ts";

/** Adds a bridge with 1023 ports, as many as the kernel allows. */
export function addFullBridge(lab: Lab, name: string, netns?: string): void {
  const pairs = Array.from({ length: 512 }, (_, n) => `link add a${n} master ${name} type veth peer name b${n}`);
  const others = Array.from({ length: 511 }, (_, n) => `link set b${n} master ${name}`);
  const batch = path.join(lab.dir, "full-bridge");
  fs.writeFileSync(batch, [`link add ${name} type bridge`, ...pairs, ...others].join("\n"));
  lab.run(["ip", "-batch", batch], netns);
}

/** What ADD says of such a bridge. */
export const FULL = {
  code: 106,
  msg: 'Cannot add a port to bridge "br0": it has 1023 ports, as many as the kernel allows',
  details: "use another bridge for more containers",
};
