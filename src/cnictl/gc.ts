import { collectGarbage } from "../runtime/garbage.ts";
import { checkOperands, readArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { showAttachment } from "./show.ts";
import { findNetwork, makeRuntime, NETWORK_HELP, NETWORK_OPTIONS } from "./target.ts";

/** `cnictl gc`: removes the state of attachments whose namespace is gone. */
export const gc: Command = {
  name: "gc",
  synopsis: "<network> [<netns>] [--all] [--cache-dir DIR] [--json]",
  summary: "Removes what is left of attachments whose namespace is gone",
  help: [
    "Detaches every attachment of the result cache whose namespace does not exist, then runs GC of",
    "each plugin (CNI 1.1.0 and newer), which removes what belongs to none of the others. Use it",
    "only if this cache has every attachment: one that only another cache has counts as gone.",
    "<netns> is ignored; cnitool takes it.",
    "",
    "      --all            detach every attachment of the network, as `cnitool gc` does",
    ...NETWORK_HELP,
  ],
  run: (edge, args) => {
    const { values, positionals } = readArguments(args, { ...NETWORK_OPTIONS, all: { type: "boolean" } });
    checkOperands(positionals, { names: ["network", "netns"], required: 1 });
    const network = findNetwork(edge, positionals[0] ?? "");
    // An attachment without a namespace stays, because nothing is known about it.
    const isValid = ({ netns }: { netns: string }) => netns === "" || edge.isLiving(netns);
    const runtime = makeRuntime(edge, values["cache-dir"]);
    const { deleted, kept } = collectGarbage(runtime, values.all ? { network } : { network, isValid });
    if (!edge.terminal.out || values.json) return;
    for (const attachment of deleted) edge.writeOut(`${showAttachment(attachment)}: detached\n`);
    edge.writeOut(
      network.disableGC
        ? "nothing done: the network sets disableGC\n"
        : `${deleted.length} detached, ${kept.length} kept\n`,
    );
  },
};
