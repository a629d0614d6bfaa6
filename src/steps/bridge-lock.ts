import fs from "#fs";
import { CniError } from "../cni/error.ts";
import { openOwnNetns } from "../linux/netns.ts";
import { waitForFlock } from "./flock.ts";

/** How long in ms others may keep it: less than a runtime waits for a call. */
const PATIENCE = 10_000;

/**
 * Runs `act` while none of our calls withdraws a bridge of this host (`used`: from when a bridge is found until a port of it is
 * there), or while none uses any (`withdrawn`: to delete one that has no ports, or to take back what was done to it). The lock is flock(2) on the host's network namespace itself: it needs no file, and
 * ends with the process. @throws CniError tryAgainLater
 */
export function withBridges<T>(how: "used" | "withdrawn", act: () => T): T {
  const netns = openOwnNetns();
  try {
    if (!waitForFlock(netns, PATIENCE, how === "used" ? "shared" : "exclusive")) {
      const message = `Cannot get the lock on this host's bridges within ${PATIENCE / 1000} s: other calls hold it`;
      throw new CniError("tryAgainLater", message, {
        details: "it is on /proc/self/ns/net: lslocks names its holders",
      });
    }
    return act();
  } finally {
    fs.closeSync(netns);
  }
}
