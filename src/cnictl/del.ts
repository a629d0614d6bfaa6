import { deleteNetwork } from "../runtime/chain.ts";
import { defineCommand } from "./command.ts";
import { showAttachment } from "./show.ts";
import { readTarget, TARGET } from "./target.ts";

/** `cnictl del`: detaches. Missing state is no error. */
export const del = defineCommand({
  name: "del",
  summary: "Detaches a network namespace from a network",
  help: [
    "Runs DEL of each plugin of the network, last first, and removes the cached result. The",
    "namespace need not exist, and it is no error if there is nothing to delete. A list that is no longer",
    "in the folder, or cannot be read, comes from the cache. If a plugin is missing in CNI_PATH, the others",
    "run, and then it fails; the cached result stays if ADD ran the missing plugin.",
    "",
    ...TARGET.help,
  ],
  operands: TARGET.operands,
  options: TARGET.options,
  environment: TARGET.environment,
  run: (edge, given) => {
    const { runtime, target, known, json } = readTarget(edge, given, { remembered: true });
    deleteNetwork(runtime, target);
    const verdict = known ? "detached" : "not attached as far as the cache knows; DEL ran all the same";
    if (edge.terminal.out && !json) edge.writeOut(`${showAttachment(target.attachment)}: ${verdict}\n`);
    return undefined;
  },
});
