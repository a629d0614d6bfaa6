import { collectGarbage } from "../runtime/garbage.ts";
import { checkOperands, readArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { showAttachment } from "./show.ts";
import { findNetwork, makeRuntime, NETWORK_HELP, NETWORK_OPTIONS } from "./target.ts";

/** `cnictl gc`: takes back what attachments left behind whose namespace is gone. */
export const gc: Command = {
  name: "gc",
  synopsis: "<network> [<netns>] [--all] [--cache-dir DIR] [--json]",
  summary: "Takes back what is left of attachments whose namespace is gone",
  help: [
    "Detaches every attachment of the result cache whose namespace does not exist any more, then",
    "runs GC on each plugin (versions 1.1.0 and up), which removes whatever belongs to none of the",
    "remaining ones. That is for caches that know every attachment: one of which another cache",
    "knows counts as gone. <netns> is accepted for cnitool's sake and means nothing.",
    "",
    "      --all            detach every attachment of the network, as `cnitool gc` does",
    ...NETWORK_HELP,
  ],
  run: (edge, args) => {
    const { values, positionals } = readArguments(args, { ...NETWORK_OPTIONS, all: { type: "boolean" } });
    checkOperands(positionals, { names: ["network", "netns"], required: 1 });
    const network = findNetwork(edge, positionals[0] ?? "");
    // An attachment without a namespace is one of which nothing is known: it stays.
    const isValid = ({ netns }: { netns: string }) => netns === "" || edge.isLiving(netns);
    const runtime = makeRuntime(edge, values["cache-dir"]);
    const { deleted, kept } = collectGarbage(runtime, values.all ? { network } : { network, isValid });
    if (!edge.terminal.out || values.json) return;
    for (const attachment of deleted) edge.writeOut(`${showAttachment(attachment)}: detached\n`);
    edge.writeOut(
      network.disableGC
        ? "nothing done: the network says disableGC\n"
        : `${deleted.length} detached, ${kept.length} kept\n`,
    );
  },
};
