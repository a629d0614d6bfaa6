import type { CniError } from "../../cni/error.ts";
import type { NetworkFile } from "../../runtime/load.ts";
import type { Check } from "./examination.ts";
import type { Found } from "./finding.ts";

/** Whether there are network lists, and whether they can be read. */
export const listCheck: Check = {
  name: "list",
  run: ({ files, directory, networks }) => {
    if (files.length === 0) {
      const cure = "put a network list there, or set NETCONFPATH to its directory";
      return [{ level: "warning", subject: directory, message: "no network lists", cure }];
    }
    return files.map((entry): Found => {
      const { file } = entry;
      if ("error" in entry) return describeBroken(entry);
      const { name } = entry.network;
      if (networks.includes(entry.network)) return { level: "ok", subject: file, message: `network ${name}` };
      const message = `network ${name} is in an earlier file, too, which is used`;
      return { level: "warning", subject: file, message, cure: "rename one of the networks, or remove this file" };
    });
  },
};

function describeBroken({ file, error, position }: Extract<NetworkFile, { error: CniError }>): Found {
  const where = position === undefined ? "" : `line ${position.line}, column ${position.column}: `;
  return { level: "error", subject: file, message: `${where}${error.message}`, cure: `cnictl validate ${file}` };
}
