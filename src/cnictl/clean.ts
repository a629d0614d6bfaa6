import { CACHE_DIRECTORY } from "../runtime/cache.ts";
import { cleanHost } from "./cleaning.ts";
import { defineCommand } from "./command.ts";
import { CACHE_OPTION } from "./option.ts";

/** `cnictl clean`: removes the state of stale attachments on every network, with the plugins of this very executable. */
export const clean = defineCommand({
  name: "clean",
  summary: "Removes what stale attachments left behind, on all networks",
  help: [
    "For a node that went back to other plugins, such as the CNI project's: they do not delete what these",
    "plugins made. Removes rules, elements, limits and interfaces of every attachment that neither a link of",
    "the host names nor a result in the runtimes' cache, and what an attachment has for an address that its",
    "result does not have. Needs no network list and does not use the installed plugins; the networks in",
    "NETCONFPATH are cleaned too. Leases stay. Prints what was removed, and which nftables tables stay",
    "because attachments use them.",
  ],
  operands: [],
  options: { "cache-dir": CACHE_OPTION },
  environment: ["NETCONFPATH"],
  run: (edge, { values }) => {
    const { networks, removed, staying, failure } = cleanHost(edge, values["cache-dir"] ?? CACHE_DIRECTORY);
    for (const line of [...removed, ...staying]) edge.writeOut(`${line}\n`);
    if (failure !== undefined) throw failure;
    if (removed.length === 0 && edge.terminal.out)
      edge.writeOut(`nothing to remove${networks.length === 0 ? "" : ` on networks ${networks.join(", ")}`}\n`);
    return undefined;
  },
});
