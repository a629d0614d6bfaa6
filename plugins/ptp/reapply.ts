import type { Rebuilding } from "../../src/cni/rebuilding.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import { isSamePrefix } from "../../src/ip/prefix.ts";
import { findAddresses } from "../../src/netlink/address/list.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { addressesOf } from "../../src/steps/check-addresses.ts";
import { checkForwarding } from "../../src/steps/forwarding.ts";
import type { Host } from "../../src/steps/host.ts";
import { endMasquerade } from "../../src/steps/masquerade/masquerade.ts";
import { findEnds, rebuildAll, rebuildMasquerade } from "../../src/steps/rebuild.ts";
import { openRemains } from "../../src/steps/remains.ts";
import { parsePtpConfig } from "./config.ts";
import {
  addGateways,
  addHostRoutes,
  bringUpHostEnd,
  familiesOf,
  findMissingRoutes,
  forwardFor,
  gatewaysOf,
} from "./host-end.ts";

/**
 * Rebuilds what ADD made on the host and somebody took: the host's end up, its gateway addresses, the routes to the container, forwarding
 * and masquerade. It changes nothing inside the container. @throws CniError checkFailed if an end of the veth is missing
 */
export function reapply(request: Request, host: Host): Rebuilding {
  const { ipMasq, ipMasqBackend: asked, nonMasqueradeCIDRs: keep } = parsePtpConfig(request);
  const ips = addressesOf(requirePrevResult(request), request.ifname);
  const { port } = findEnds(request, host);
  return rebuildAll([
    { what: "host end up", run: () => bringUp(host, port) },
    { what: "gateway addresses", run: () => rebuildGateways(host, port, ips) },
    { what: "routes", run: () => rebuildRoutes(host, port, ips) },
    { what: "forwarding", run: () => rebuildForwarding(host, port, ips) },
    { what: "masquerade", run: () => ipMasq && rebuildMasquerade(host, { request, asked, ips, keep }) },
  ]);
}

/** Deletes what reapply() may have rebuilt for an attachment that has ended since: its veth and its lease are gone already. */
export function withdraw(request: Request, host: Host): void {
  endMasquerade(request, openRemains(host));
}

function bringUp(host: Host, port: Link): boolean {
  if (port.up) return false;
  bringUpHostEnd(host, port);
  return true;
}

function rebuildGateways(host: Host, port: Link, ips: readonly IpConfig[]): boolean {
  const wanted = gatewaysOf(ips);
  const present = wanted.length === 0 ? [] : findAddresses(host.netlink, port, wanted);
  const missing = wanted.filter((each) => !present.some(({ prefix }) => isSamePrefix(prefix, each)));
  addGateways(host, port, missing);
  return missing.length > 0;
}

function rebuildRoutes(host: Host, port: Link, ips: readonly IpConfig[]): boolean {
  const missing = findMissingRoutes(host, port, ips);
  addHostRoutes(host, port, missing);
  return missing.length > 0;
}

function rebuildForwarding(host: Host, port: Link, ips: readonly IpConfig[]): boolean {
  const families = familiesOf(ips);
  const isOff = families.some((family) => checkForwarding(host, family).length > 0);
  return forwardFor(host, port, families) || isOff;
}
