import type { CniError } from "../../cni/error.ts";
import type { NetworkFile } from "../../runtime/load.ts";
import type { Finding } from "../validate/finding.ts";
import { findLostSettings } from "../validate/lost-settings.ts";
import type { Check } from "./examination.ts";
import type { Found } from "./finding.ts";

/** Whether there are network lists, whether they can be read, and whether a misspelt key loses a setting. */
export const listCheck: Check = {
  name: "list",
  run: ({ edge, files, directory, networks }) => {
    if (files.length === 0) {
      const cure = "put a network list there, or set NETCONFPATH to its directory";
      return [{ level: "warning", subject: directory, message: "no network lists", cure }];
    }
    return files.flatMap((entry): readonly Found[] => {
      const { file } = entry;
      if ("error" in entry) return [describeBroken(entry)];
      const { name } = entry.network;
      const lost = findLostSettings(file, edge.build.plugins).map(describeLost);
      if (networks.includes(entry.network))
        return lost.length > 0 ? lost : [{ level: "ok", subject: file, message: `network ${name}` }];
      const message = `network ${name} is in an earlier file, too, which is used`;
      const cure = "rename one of the networks, or remove this file";
      return [{ level: "warning", subject: file, message, cure }, ...lost];
    });
  },
};

function describeLost({ file, line, column, path, message, hint = "" }: Finding): Found {
  const where = `line ${line}, column ${column}: ${path}`;
  return { level: "warning", subject: file, message: `${where}: ${message}; ${hint}`, cure: `cnictl validate ${file}` };
}

function describeBroken({ file, error, position }: Extract<NetworkFile, { error: CniError }>): Found {
  const where = position === undefined ? "" : `line ${position.line}, column ${position.column}: `;
  return { level: "error", subject: file, message: `${where}${error.message}`, cure: `cnictl validate ${file}` };
}
