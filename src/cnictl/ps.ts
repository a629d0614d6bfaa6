import { defineCommand } from "./command.ts";
import { ATTACHMENT_HEADINGS, attachmentJson, attachmentRow, viewAttachment } from "./inventory/attachment-view.ts";
import type { KnownAttachment } from "./inventory/attachments.ts";
import { takeInventory } from "./inventory/inventory.ts";
import { refuseUnknown } from "./inventory/unknown-network.ts";
import { VIEW_OPTIONS } from "./option.ts";
import { writeJsonArray, writeProblems, writeRows } from "./view.ts";

/** `cnictl ps`: the attachments of this machine. */
export const ps = defineCommand({
  name: "ps",
  summary: "Lists the attachments: containers, addresses, interfaces and ports",
  help: [
    "Joins what the result cache, host-local's leases and the kernel know. KNOWN-BY names them: `cache`,",
    "`lease`, `link` (the host's interface), `rules` (elements of nftables), `ports` (port mappings).",
    "NETNS says whether the network namespace exists. BY is `ours` for these plugins and `go` for the CNI",
    "project's. A port with `?` was asked for by the runtime, and no rule of it was found.",
  ],
  operands: [{ name: "network", completion: "network" }],
  options: VIEW_OPTIONS,
  environment: ["NETCONFPATH"],
  run: (edge, { values, operands }) => {
    const network = operands[0] || undefined;
    const inventory = takeInventory(edge, { cacheDirectory: values["cache-dir"], network });
    if (network !== undefined) refuseUnknown(edge, inventory, network);
    const { attachments, problems } = inventory;
    const shown = network === undefined ? attachments : attachments.filter((each) => each.network === network);
    const now = Date.now();
    const view = (each: KnownAttachment) => viewAttachment(each, edge.isLiving);
    if (values.json) writeJsonArray(edge, shown, (each) => attachmentJson(view(each)));
    else {
      const rows = shown.map((each) => attachmentRow(view(each), now));
      writeRows(edge, { headings: ATTACHMENT_HEADINGS, rows, none: "no attachments" });
    }
    writeProblems(edge, problems);
    return undefined;
  },
});
