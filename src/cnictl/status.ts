import { checkStatus } from "../runtime/status.ts";
import { checkOperands, readArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { findNetwork, makeRuntime, NETWORK_HELP, NETWORK_OPTIONS } from "./target.ts";

/** `cnictl status`: succeeds if the network's plugins can serve an ADD. */
export const status: Command = {
  name: "status",
  synopsis: "<network> [<netns>] [--json]",
  summary: "Checks whether containers can be attached to a network",
  help: [
    "Runs STATUS of each plugin of the network (CNI 1.1.0 and newer; older ones have no STATUS).",
    "<netns> is ignored; cnitool takes it.",
    "",
    ...NETWORK_HELP,
  ],
  run: (edge, args) => {
    const { values, positionals } = readArguments(args, NETWORK_OPTIONS);
    checkOperands(positionals, { names: ["network", "netns"], required: 1 });
    const network = findNetwork(edge, positionals[0] ?? "");
    const asked = checkStatus(makeRuntime(edge, values["cache-dir"]), network);
    const verdict = asked ? "ready" : `not asked: version ${network.cniVersion || "0.1.0"} has no STATUS`;
    if (edge.terminal.out && !values.json) edge.writeOut(`${network.name}: ${verdict}\n`);
  },
};
