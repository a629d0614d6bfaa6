import { deleteNetwork } from "../runtime/chain.ts";
import type { Command } from "./command.ts";
import { showAttachment } from "./show.ts";
import { readTarget, TARGET_HELP, TARGET_SYNOPSIS } from "./target.ts";

/** `cnictl del`: detaches. Missing state is no error. */
export const del: Command = {
  name: "del",
  synopsis: TARGET_SYNOPSIS,
  summary: "Detaches a network namespace from a network",
  help: [
    "Runs DEL of each plugin of the network, last first, and removes the cached result. The",
    "namespace need not exist, and it is no error if there is nothing to delete. A list that is no longer",
    "in the folder, or cannot be read, comes from the cache.",
    "",
    ...TARGET_HELP,
  ],
  run: (edge, args) => {
    const { runtime, target, known, json } = readTarget(edge, args, { remembered: true });
    deleteNetwork(runtime, target);
    const verdict = known ? "detached" : "not attached as far as the cache knows; DEL ran all the same";
    if (edge.terminal.out && !json) edge.writeOut(`${showAttachment(target.attachment)}: ${verdict}\n`);
  },
};
