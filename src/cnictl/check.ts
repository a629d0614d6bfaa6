import { checkNetwork } from "../runtime/chain.ts";
import type { Command } from "./command.ts";
import { showAttachment } from "./show.ts";
import { readTarget, TARGET_HELP, TARGET_SYNOPSIS } from "./target.ts";

/** `cnictl check`: succeeds if the attachment is as ADD left it. */
export const check: Command = {
  name: "check",
  synopsis: TARGET_SYNOPSIS,
  summary: "Checks that an attachment is unchanged since add",
  help: ["Runs CHECK of each plugin of the network in order (CNI 0.4.0 and newer).", "", ...TARGET_HELP],
  run: (edge, args) => {
    const { runtime, target, json } = readTarget(edge, args, { remembered: true });
    checkNetwork(runtime, target);
    const verdict = target.network.disableCheck ? "not checked: the network sets disableCheck" : "as it should be";
    if (edge.terminal.out && !json) edge.writeOut(`${showAttachment(target.attachment)}: ${verdict}\n`);
  },
};
