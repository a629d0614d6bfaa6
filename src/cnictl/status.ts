import { checkStatus } from "../runtime/status.ts";
import { defineCommand } from "./command.ts";
import { NETWORK_OPTIONS } from "./option.ts";
import { findNetwork, makeRuntime } from "./target.ts";

/** `cnictl status`: succeeds if the network's plugins can serve an ADD. */
export const status = defineCommand({
  name: "status",
  summary: "Checks whether containers can be attached to a network",
  help: [
    "Runs STATUS of each plugin of the network (CNI 1.1.0 and newer; older ones have no STATUS).",
    "<netns> is ignored; cnitool takes it.",
  ],
  operands: [
    { name: "network", required: true, completion: "network" },
    { name: "netns", completion: "netns" },
  ],
  options: NETWORK_OPTIONS,
  environment: ["NETCONFPATH", "CNI_PATH"],
  run: (edge, { values, operands }) => {
    const network = findNetwork(edge, operands[0] ?? "");
    const asked = checkStatus(makeRuntime(edge, values["cache-dir"]), network);
    const verdict = asked ? "ready" : `not asked: version ${network.cniVersion || "0.1.0"} has no STATUS`;
    if (edge.terminal.out && !values.json) edge.writeOut(`${network.name}: ${verdict}\n`);
    return undefined;
  },
});
