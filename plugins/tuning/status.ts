import fs from "#fs";
import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { refuseForbidden } from "./allow-list.ts";
import { parseTuningConfig, type TuningConfig } from "./config.ts";
import { isEmpty } from "./link-settings.ts";

/** Whether an ADD could be served: by the host's list of parameters, and by the folder for what ADD finds. @throws CniError unavailable */
export function status(request: Request): void {
  const config = parseTuningConfig(request);
  const problems = [...checkAllowList(config), ...checkDataDir(config)];
  if (problems.length > 0) throw new CniError("unavailable", problems.join("; "));
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
  const stat = fs.statSync(dataDir, { throwIfNoEntry: false });
  if (stat === undefined || stat.isDirectory()) return [];
  return [`Cannot use dataDir "${dataDir}": it is no folder: remove it, or set dataDir to another`];
}
