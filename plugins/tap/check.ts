import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { checkAddresses } from "../../src/steps/check-addresses.ts";
import { findInterface, openContainer } from "../../src/steps/container.ts";
import { checkInterface } from "../../src/steps/container-interface.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { checkWithIpam } from "../../src/steps/ipam.ts";
import { parseTapConfig, type TapConfig } from "./config.ts";

/** What a CHECK works with. */
interface Inspection {
  readonly config: TapConfig;
  readonly result: Result;
  readonly container: Container;
}

/** Compares the container's interface with what ADD made and reported. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  const inspect = (): Inspection => ({
    config: parseTapConfig(request),
    result: requirePrevResult(request),
    container: openContainer(host, request.netns),
  });
  checkWithIpam(request, host, { inspect, compare: (inspection) => compare(request, inspection) });
}

function compare({ ifname }: Request, { config, result, container }: Inspection): void {
  const link = findInterface(container, ifname);
  refuseDifferences([
    ...checkInterface(container, link, { ifname, kind: "tun", result, mayBeDown: false }),
    ...(link === undefined ? [] : checkSettings(container, link, config)),
    ...(link === undefined ? [] : checkAddresses(container.netlink, link, result)),
  ]);
}

function checkSettings({ netlink }: Container, link: Link, { mtu, bridge }: TapConfig): readonly string[] {
  const master = bridge === undefined ? undefined : findLink(netlink, bridge);
  const isPort = bridge === undefined || (master !== undefined && link.master === master.index);
  return [
    ...(mtu === 0 || mtu === link.mtu ? [] : [`Interface "${link.name}" has MTU ${link.mtu}, expected ${mtu}`]),
    ...(isPort ? [] : [`Interface "${link.name}" is not a port of bridge "${bridge}"`]),
  ];
}
