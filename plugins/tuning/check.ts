import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Sysctls } from "../../src/linux/sysctl.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { ifPossible } from "../../src/platform/outcome.ts";
import { findInterface, openContainer } from "../../src/steps/container.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { type Backup, backupFile, readBackup } from "./backup.ts";
import { parseTuningConfig } from "./config.ts";
import { compareSettings, isEmpty, type LinkSettings } from "./link-settings.ts";
import type { Sysctl } from "./sysctl-name.ts";

/** Compares the container's state with what the configuration sets. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  const { sysctls, settings, dataDir } = parseTuningConfig(request);
  requirePrevResult(request);
  if (sysctls.length === 0 && isEmpty(settings)) return;
  const container = openContainer(host, request.netns);
  const differences = [
    ...container.within((parameters) => sysctls.flatMap((each) => compareSysctl(parameters, each))),
    ...(isEmpty(settings) ? [] : checkOrigin(container, backupFile(dataDir, request))),
    ...checkLink(container, request.ifname, settings),
  ];
  refuseDifferences(differences);
}

/** Checks that the backup file is from this container. Without a file, as from a Go plugin, nothing can be checked. */
function checkOrigin(container: Container, file: string): readonly string[] {
  const netns = findBackup(file)?.netns;
  if (netns === undefined || netns === container.identify()) return [];
  return [`The namespace at ${container.path} is not the one in which ADD set what is to be checked`];
}

function findBackup(file: string): Backup | undefined {
  return ifPossible(() => readBackup(file));
}

function checkLink(container: Container, ifname: string, settings: LinkSettings): readonly string[] {
  if (isEmpty(settings)) return [];
  const link = findInterface(container, ifname);
  return link === undefined
    ? [`Interface "${ifname}" in ${container.path} is missing`]
    : compareSettings(link, settings);
}

/** Compares a sysctl. The kernel separates the numbers of a list with tabs. A sysctl that can only be written is taken as correct. */
function compareSysctl(parameters: Sysctls, { key, path, value }: Sysctl): readonly string[] {
  try {
    const found = parameters.read(path);
    if (words(found) === words(value)) return [];
    return [`Sysctl ${key} is ${JSON.stringify(found)}, expected ${JSON.stringify(value)}`];
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    return error.errno === ERRNO.EACCES || error.errno === ERRNO.EPERM ? [] : [error.message];
  }
}

function words(text: string): string {
  return text.trim().split(/\s+/).join(" ");
}
