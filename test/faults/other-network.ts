import path from "node:path";
import { PLACES } from "../fuzz/scenario.ts";
import { ip } from "./ip.ts";

const CONTAINER = path.basename(PLACES.netns);

/** Gives the container an interface "net0" of another network, which has the default routes. */
export function joinOtherNetwork(): void {
  const words = (command: string) => command.split(" ");
  const host = [`link add other0 type veth peer name net0 netns ${CONTAINER}`, "link set other0 up"];
  const container = [
    "link set net0 up",
    "address add 10.97.0.2/24 dev net0",
    "address add fd00:10:97::2/64 dev net0 nodad",
    "route add default via 10.97.0.1",
    "-6 route add default via fd00:10:97::1",
  ];
  ip(host.map(words));
  ip(container.map(words), CONTAINER);
}
