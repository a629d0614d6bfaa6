import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Host } from "../../src/steps/host.ts";
import { statusWithIpam } from "../../src/steps/ipam.ts";
import { refusalOf, refuseProblems } from "../../src/steps/problems.ts";
import { type HostDeviceConfig, isInUserSpace, parseHostDeviceConfig } from "./config.ts";
import { describeSelector, findHostDevice, isNamed } from "./find.ts";
import { refuseNeeded } from "./obstacles.ts";
import { listRecords } from "./record.ts";

/**
 * Whether an ADD could succeed: the host has the device and does not need it. A device that a container has is no problem of the network.
 * @throws CniError unavailable with the problem and the remedy, or the IPAM plugin's error
 */
export function status(request: Request, host: Host): void {
  const config = parseHostDeviceConfig(request);
  statusWithIpam(request, host, () => refuseProblems(refusalOf(() => examine(host, config))));
}

function examine(host: Host, config: HostDeviceConfig): void {
  const { selector, dataDir } = config;
  if (selector === undefined || isInUserSpace(config)) return;
  const found = findHostDevice(host, selector, dataDir);
  if (found !== undefined) refuseNeeded(host, found.device);
  else if (!listRecords(dataDir).some((record) => isNamed(selector, record)))
    throw new CniError("unavailable", `The host has no ${describeSelector(selector)}`);
}
