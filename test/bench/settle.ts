import path from "node:path";
import { Lab } from "../lab.ts";

/**
 * Waits until the kernel has cleared away the namespaces that were deleted before; it does so later, and slows down whoever comes meanwhile.
 * It clears them in batches, one after the other: the second witness is of a later batch than all that was deleted before the first one went.
 */
export function settle(): void {
  const lab = new Lab();
  try {
    for (const witness of ["first", "second"]) {
      const netns = lab.addNamespace(witness);
      lab.run(["ip", "link", "add", witness, "type", "veth", "peer", "name", "eth0", "netns", path.basename(netns)]);
      lab.deleteNamespace(netns);
      lab.untilVethsAre(0);
    }
  } finally {
    lab.dispose();
  }
}
