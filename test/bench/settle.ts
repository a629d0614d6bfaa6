import path from "node:path";
import { Lab } from "../lab.ts";

/**
 * Waits until the kernel has removed every network namespace that was deleted before. It removes them later, one batch after another, and
 * slows other calls down meanwhile. The second witness is in a later batch than all that was deleted before the first one was gone.
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
