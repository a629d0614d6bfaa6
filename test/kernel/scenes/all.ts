import { FakeKernel } from "../fake-kernel.ts";
import { addresses, routes4, routes6 } from "./addresses.ts";
import { macvlans } from "./children.ts";
import { changeLinks, followPorts, makeLinks } from "./links.ts";
import { moveLinks } from "./moves.ts";
import { policy } from "./policy.ts";
import type { Scene, World } from "./record.ts";
import { rules } from "./rules.ts";
import { traffic } from "./traffic.ts";
import { verbs } from "./verbs.ts";

/** The scenes that a kernel without VLANs of bridges can play, by name. */
export const SCENES: Readonly<Record<string, Scene>> = {
  "make-links": makeLinks,
  "change-links": changeLinks,
  "follow-ports": followPorts,
  macvlans,
  "move-links": moveLinks,
  addresses,
  "routes-4": routes4,
  "routes-6": routes6,
  policy,
  traffic,
  rules,
  verbs,
};

/** A world of the kernel in memory for a scene. */
export function fakeWorld({ vlanFiltering }: { vlanFiltering: boolean }): World {
  const kernel = new FakeKernel();
  kernel.features.vlanFiltering = vlanFiltering;
  const container = kernel.addNamespace("container");
  return {
    host: kernel.openRoute(),
    container: kernel.openRoute(container),
    netns: container.fd,
    netfilter: kernel.openNetfilter(),
  };
}
