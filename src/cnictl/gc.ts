import { collectGarbage } from "../runtime/garbage.ts";
import type { RuntimeConf } from "../runtime/runtime-conf.ts";
import { defineCommand } from "./command.ts";
import { goneFinder } from "./inventory/gone.ts";
import { flag, NETWORK_OPTIONS } from "./option.ts";
import { showAttachment } from "./show.ts";
import { findNetwork, makeRuntime } from "./target.ts";

/** `cnictl gc`: removes the state of attachments whose namespace is gone. */
export const gc = defineCommand({
  name: "gc",
  summary: "Removes what is left of attachments whose namespace is gone",
  help: [
    "Detaches every attachment of the result cache whose namespace is gone, then runs GC of each",
    "plugin (CNI 1.1.0 and newer), which removes what belongs to none of the others. If the path of",
    "a namespace leads nowhere, the lease and the host's end of the veth show whether it is gone. Use",
    "it only if this cache has every attachment: an attachment of another cache counts as gone.",
    "<netns> is ignored; cnitool takes it.",
  ],
  operands: [
    { name: "network", required: true, completion: "network" },
    { name: "netns", completion: "netns" },
  ],
  options: { all: flag("detach every attachment of the network, as `cnitool gc` does"), ...NETWORK_OPTIONS },
  environment: ["NETCONFPATH", "CNI_PATH"],
  run: (edge, { values, operands }) => {
    const network = findNetwork(edge, operands[0] ?? "");
    const runtime = makeRuntime(edge, values["cache-dir"]);
    const isGone = goneFinder(edge, { cacheDirectory: runtime.cacheDirectory, network: network.name });
    const isValid = (attachment: RuntimeConf) => !isGone({ network: network.name, ...attachment });
    const { deleted, kept } = collectGarbage(runtime, values.all ? { network } : { network, isValid });
    if (!edge.terminal.out || values.json) return undefined;
    for (const attachment of deleted) edge.writeOut(`${showAttachment(attachment)}: detached\n`);
    edge.writeOut(
      network.disableGC
        ? "nothing done: the network sets disableGC\n"
        : `${deleted.length} detached, ${kept.length} kept\n`,
    );
    return undefined;
  },
});
