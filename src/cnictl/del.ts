import { deleteNetwork } from "../runtime/chain.ts";
import type { Command } from "./command.ts";
import { showAttachment } from "./show.ts";
import { readTarget, TARGET_HELP, TARGET_SYNOPSIS } from "./target.ts";

/** `cnictl del`: detaches; what is already gone is fine. */
export const del: Command = {
  name: "del",
  synopsis: TARGET_SYNOPSIS,
  summary: "Detaches a network namespace from a network",
  help: [
    "Runs DEL on each plugin of the network, last first, and forgets the cached result. The",
    "namespace need not exist any more, and what is gone already is fine.",
    "",
    ...TARGET_HELP,
  ],
  run: (edge, args) => {
    const { runtime, target, json } = readTarget(edge, args, { remembered: true });
    deleteNetwork(runtime, target);
    if (edge.terminal.out && !json) edge.writeOut(`${showAttachment(target.attachment)}: detached\n`);
  },
};
