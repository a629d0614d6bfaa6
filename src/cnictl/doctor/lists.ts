import { type CniError, ERROR_CODES } from "../../cni/error.ts";
import type { NetworkFile } from "../../runtime/load.ts";
import type { Finding } from "../validate/finding.ts";
import { findListErrors } from "../validate/list-errors.ts";
import type { Check } from "./examination.ts";
import type { Found } from "./finding.ts";

/** Whether there are network lists, whether they can be read, and the errors in them. */
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
      const errors = findListErrors(file, edge.build.plugins)
        // The check of executables reports each version that a plugin refuses.
        .filter(({ code }) => code !== ERROR_CODES.incompatibleVersion)
        .map((error) => describeError(file, error));
      if (networks.includes(entry.network))
        return errors.length > 0 ? errors : [{ level: "ok", subject: file, message: `network ${name}` }];
      const message = `network ${name} is in an earlier file, too, which is used`;
      const cure = "rename one of the networks, or remove this file";
      return [{ level: "warning", subject: file, message, cure }, ...errors];
    });
  },
};

/** A list may have plugins in files of their own, one of which may have the error. */
function describeError(list: string, { file, line, column, path, message, hint }: Finding): Found {
  const where = [`line ${line}, column ${column}`, ...(file === list ? [] : [`of ${file}`])].join(" ");
  const what = [where, ...(path === "" ? [] : [path]), message].join(": ");
  const text = hint === undefined ? what : `${what}; ${hint}`;
  return { level: "error", subject: list, message: text, cure: `cnictl validate ${list}` };
}

function describeBroken({ file, error, position }: Extract<NetworkFile, { error: CniError }>): Found {
  const where = position === undefined ? "" : `line ${position.line}, column ${position.column}: `;
  return { level: "error", subject: file, message: `${where}${error.message}`, cure: `cnictl validate ${file}` };
}
