import { CniError } from "../../src/cni/error.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Interface, Result } from "../../src/cni/result.ts";
import type { Sysctls } from "../../src/linux/sysctl.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { translating } from "../../src/platform/outcome.ts";
import { addressesOf } from "../../src/steps/check-addresses.ts";
import { findInterface, openContainer } from "../../src/steps/container.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { removeFile } from "../../src/steps/record-file.ts";
import { type Defer, runAll, undoOnError } from "../../src/steps/undo.ts";
import { refuseForbidden } from "./allow-list.ts";
import { backupFile, saveBackup } from "./backup.ts";
import { parseTuningConfig, type TuningConfig } from "./config.ts";
import { applySettings, currentSettings, isEmpty, type LinkSettings, refuseLosingIpv6 } from "./link-settings.ts";
import type { Sysctl } from "./sysctl-name.ts";

/** Sets sysctls and interface settings of the container. On failure, all old values are restored. */
export function add(request: Request, host: Host): Result {
  const config = parseTuningConfig(request);
  refuseForbidden(config.sysctls);
  const result = requirePrevResult(request);
  refuseLosingIpv6(config.settings, addressesOf(result, request.ifname));
  if (config.sysctls.length === 0 && isEmpty(config.settings)) return result;
  return undoOnError(request.log, (defer) => {
    const container = openContainer(host, request.netns);
    const link = isEmpty(config.settings) ? undefined : getInterface(container, request.ifname);
    setSysctls(container, config.sysctls, defer);
    if (link !== undefined) tune(request, { config, container, link }, defer);
    return { ...result, interfaces: result.interfaces.map((each) => report(each, request.ifname, config.settings)) };
  });
}

function getInterface(container: Container, ifname: string): Link {
  const link = findInterface(container, ifname);
  if (link !== undefined) return link;
  throw new NetlinkError(`get link "${ifname}"`, { errno: ERRNO.ENODEV });
}

function setSysctls(container: Container, sysctls: readonly Sysctl[], defer: Defer): void {
  const former: { path: string; value: string | undefined }[] = [];
  if (sysctls.length === 0) return;
  defer(() =>
    container.within((parameters) => runAll(former.reverse().map((each) => () => restore(parameters, each)))),
  );
  container.within((parameters) => {
    for (const { path, value } of sysctls) {
      former.push({ path, value: parameters.find(path) });
      explain(() => parameters.write(path, value));
    }
  });
}

/** Restores a sysctl. A value that could not be read is not restored. */
function restore(parameters: Sysctls, { path, value }: { path: string; value: string | undefined }): void {
  if (value !== undefined) parameters.write(path, value);
}

function tune(
  { network, containerId, ifname }: Request,
  { config, container, link }: { config: TuningConfig; container: Container; link: Link },
  defer: Defer,
): void {
  const former = currentSettings(link, config.settings);
  const file = backupFile(config.dataDir, { containerId, ifname });
  defer(() => removeFile(file));
  saveBackup(file, { settings: former, network, netns: container.identify(), ifindex: link.index });
  defer(() => applySettings(container.netlink, link, former));
  applySettings(container.netlink, link, config.settings);
}

/** The container's interface as it is now. The host may have an interface of that name too. */
function report(found: Interface, ifname: string, { mac, mtu }: LinkSettings): Interface {
  if (found.name !== ifname || found.sandbox === undefined) return found;
  return { ...found, ...(mac !== undefined && { mac }), ...(mtu !== undefined && { mtu }) };
}

/** Advice for errors of the kernel. */
const ADVICE: Readonly<Record<number, string>> = {
  [ERRNO.ENOENT]: "the container has no such parameter: check its name, and whether the kernel has what brings it",
  [ERRNO.EISDIR]: "it is a folder of parameters: name one of them",
  [ERRNO.EACCES]: "the kernel lets nobody set it in a container's namespace",
  [ERRNO.EROFS]: "/proc/sys is mounted read-only where this plugin runs",
  [ERRNO.EINVAL]: "the kernel does not take this value",
};

function explain(write: () => void): void {
  translating([LinuxError], write, (cause) => {
    return new CniError("kernelRequest", cause.message, { details: ADVICE[cause.errno] ?? "", cause });
  });
}
