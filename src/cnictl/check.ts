import { checkNetwork } from "../runtime/chain.ts";
import { defineCommand } from "./command.ts";
import { showAttachment } from "./show.ts";
import { readTarget, TARGET } from "./target.ts";

/** `cnictl check`: succeeds if the attachment is as ADD left it. */
export const check = defineCommand({
  name: "check",
  summary: "Checks that an attachment is unchanged since add",
  help: ["Runs CHECK of each plugin of the network in order (CNI 0.4.0 and newer).", "", ...TARGET.help],
  operands: TARGET.operands,
  options: TARGET.options,
  environment: TARGET.environment,
  run: (edge, given) => {
    const { runtime, target, json } = readTarget(edge, given, { remembered: true });
    checkNetwork(runtime, target);
    const verdict = target.network.disableCheck ? "not checked: the network sets disableCheck" : "as it should be";
    if (edge.terminal.out && !json) edge.writeOut(`${showAttachment(target.attachment)}: ${verdict}\n`);
    return undefined;
  },
});
