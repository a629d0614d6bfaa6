import { addNetwork } from "../runtime/chain.ts";
import { formatStated } from "../runtime/stated-result.ts";
import { defineCommand } from "./command.ts";
import { showResult } from "./show.ts";
import { readTarget, TARGET } from "./target.ts";

/** `cnictl add`: attaches, and prints the last plugin's result. */
export const add = defineCommand({
  name: "add",
  summary: "Attaches a network namespace to a network",
  help: [
    "Runs ADD of each plugin of the network in order and prints the result: as text on a terminal,",
    "as JSON into a pipe or with --json. If a plugin fails, what the plugins before it made stays",
    "until `cnictl del`. If a plugin is missing in CNI_PATH, none runs.",
    "",
    ...TARGET.help,
  ],
  operands: TARGET.operands,
  options: TARGET.options,
  environment: TARGET.environment,
  run: (edge, given) => {
    const { runtime, target, json } = readTarget(edge, given, { remembered: false });
    const stated = addNetwork(runtime, target);
    const { network, attachment } = target;
    const readable = edge.terminal.out && !json;
    edge.writeOut(readable ? showResult(stated.result, { network: network.name, attachment }) : formatStated(stated));
    return undefined;
  },
});
