import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { checkAddresses } from "../../src/steps/check-addresses.ts";
import { findInterface, openContainer } from "../../src/steps/container.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { parseVrfConfig, type VrfConfig } from "./config.ts";
import { findVrf } from "./vrf-link.ts";

/** Compares the attachment with what ADD made. @throws CniError checkFailed that lists every difference */
export function check(request: Request, host: Host): void {
  const config = parseVrfConfig(request);
  const result = requirePrevResult(request, "missing prevResult from earlier plugin");
  const container = openContainer(host, request.netns);
  const link = findInterface(container, request.ifname);
  const found = { config, result, link };
  refuseDifferences(compare(container, request, found));
}

function compare(
  { netlink, path }: Container,
  { ifname }: Request,
  { config, result, link }: { config: VrfConfig; result: Result; link: Link | undefined },
): readonly string[] {
  const { vrfname, table } = config;
  const vrf = findVrf(netlink, vrfname);
  if (vrf === undefined) return [`Link not found: VRF "${vrfname}" in ${path}`];
  const isOther = table !== 0 && vrf.table !== table;
  return [
    ...(isOther ? [`VRF "${vrfname}" has table ${vrf.table}, expected ${table}`] : []),
    ...(vrf.link.up ? [] : [`VRF "${vrfname}" is down`]),
    ...(link === undefined || link.master !== vrf.link.index
      ? [`failed to find ${ifname} associated to vrf ${vrfname}`]
      : checkAddresses(netlink, link, result)),
  ];
}
