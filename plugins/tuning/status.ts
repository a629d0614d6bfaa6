import fs from "#fs";
import path from "#path";
import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { errnoOf } from "../../src/platform/errno.ts";
import { refuseProblems } from "../../src/steps/problems.ts";
import { refuseForbidden } from "./allow-list.ts";
import { parseTuningConfig, type TuningConfig } from "./config.ts";
import { isEmpty } from "./link-settings.ts";

/** Whether an ADD could succeed: checks the host's list of allowed sysctls, and the folder for backups. @throws CniError unavailable */
export function status(request: Request): void {
  const config = parseTuningConfig(request);
  const problems = [...checkAllowList(config), ...checkDataDir(config)];
  refuseProblems(problems);
}

function checkAllowList({ sysctls }: TuningConfig): readonly string[] {
  try {
    refuseForbidden(sysctls);
    return [];
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return [`${error.message}: ${error.details}`];
  }
}

function checkDataDir({ settings, dataDir }: TuningConfig): readonly string[] {
  if (isEmpty(settings)) return [];
  if (isFolderOrNone(dataDir)) return [];
  return [`Cannot use dataDir "${dataDir}": it is no folder: remove it, or set dataDir to another`];
}

/** Whether the path is a folder, or a folder could be created there. */
function isFolderOrNone(folder: string): boolean {
  try {
    const missing = { throwIfNoEntry: false } as const;
    for (let at = folder; ; at = path.dirname(at)) {
      const stat = fs.statSync(at, missing);
      if (stat !== undefined) return stat.isDirectory();
      // A dangling symbolic link.
      if (fs.lstatSync(at, missing) !== undefined) return false;
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}
