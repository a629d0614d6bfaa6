import type { Sandbox } from "./sandbox.ts";

/** Addresses that a DHCP server gives behind the second link. */
export const SECOND_RANGE = { eth1: "198.51.100.50,198.51.100.69" };

/** Gives the node a second link `ens11`, without any address; outside is 198.51.100.2/24 there. */
export function addSecondLink(node: Sandbox): void {
  node.run(["ip", "link", "add", "ens11", "type", "veth", "peer", "name", "eth1", "netns", "outside"]);
  for (const command of ["ip addr add 198.51.100.2/24 dev eth1", "ip link set eth1 up"])
    node.run(command.split(" "), { netns: "outside" });
  node.run(["ip", "link", "set", "ens11", "up"]);
}
