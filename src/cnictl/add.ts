import { addNetwork } from "../runtime/chain.ts";
import { formatStated } from "../runtime/stated-result.ts";
import type { Command } from "./command.ts";
import { showResult } from "./show.ts";
import { readTarget, TARGET_HELP, TARGET_SYNOPSIS } from "./target.ts";

/** `cnictl add`: attaches, and prints the last plugin's result. */
export const add: Command = {
  name: "add",
  synopsis: TARGET_SYNOPSIS,
  summary: "Attaches a network namespace to a network",
  help: [
    "Runs ADD of each plugin of the network in order and prints the result: as text on a terminal,",
    "as JSON into a pipe or with --json. If a plugin fails, what the plugins before it made stays",
    "until `cnictl del`.",
    "",
    ...TARGET_HELP,
  ],
  run: (edge, args) => {
    const { runtime, target, json } = readTarget(edge, args, { remembered: false });
    const stated = addNetwork(runtime, target);
    const { network, attachment } = target;
    const readable = edge.terminal.out && !json;
    edge.writeOut(readable ? showResult(stated.result, { network: network.name, attachment }) : formatStated(stated));
  },
};
