import { findIpamType, type Request } from "../../src/cni/request.ts";
import type { Host } from "../../src/steps/host.ts";
import { statusWithIpam } from "../../src/steps/ipam.ts";
import { findMaster } from "../../src/steps/master.ts";
import { examineKind, examineMaster } from "../../src/steps/master-status.ts";
import { refusalOf, refuseProblems } from "../../src/steps/problems.ts";
import { type IpvlanConfig, parseIpvlanConfig, settingsOf } from "./config.ts";
import { refuseOtherSettings } from "./siblings.ts";

/**
 * Whether an ADD could succeed: asks for the kind of link, the master, the mode of its other ipvlans, and the IPAM plugin. A master that
 * an earlier plugin of the list makes cannot be asked for. @throws CniError unavailable
 */
export function status(request: Request, host: Host): void {
  const config = parseIpvlanConfig(request);
  const isChained = (config.master ?? "") === "" && findIpamType(request) === undefined;
  statusWithIpam(request, host, () => {
    const problems = isChained ? examineKind(host, "ipvlan") : examineMaster(host, { kind: "ipvlan", config });
    refuseProblems(problems.length > 0 || isChained ? problems : examineMode(host, config));
  });
}

function examineMode(host: Host, config: IpvlanConfig): readonly string[] {
  if (config.linkInContainer) return [];
  return refusalOf(() => {
    const master = findMaster(host, undefined, config);
    refuseOtherSettings(host, { master, settings: settingsOf(config) });
  });
}
