import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { listIngressFilters } from "../../src/netlink/filter/list.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { checkMac } from "../../src/steps/container-interface.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import type { Host } from "../../src/steps/host.ts";
import { findReported } from "../../src/steps/reported.ts";
import { parseBandwidthConfig } from "./config.ts";
import { getHostEnd } from "./host-end.ts";
import { findIfb, ifbNames } from "./ifb.ts";
import { checkLimit, type Limit } from "./limit.ts";

/** What a CHECK works with. */
export interface Inspection {
  readonly request: Request;
  readonly result: Result;
  readonly host: Host;
  /** The host's end of the container's veth. */
  readonly port: Link;
}

/** Compares the kernel's state with the configured limits. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  const { ingress, egress } = parseBandwidthConfig(request);
  const result = requirePrevResult(request, "must be called as a chained plugin");
  if (ingress === undefined && egress === undefined) return;
  const port = getHostEnd(host, { request, result, failure: "checkFailed" });
  const inspection = { request, result, host, port };
  const differences = [
    ...(ingress === undefined ? [] : checkLimit(host, { link: port, limit: ingress, what: "ingress" })),
    ...(egress === undefined ? [] : checkEgress(inspection, egress)),
  ];
  refuseDifferences(differences);
}

/** The differences between what limits a container's sending and what ADD sets up, as sentences. */
export function checkEgress({ request, result, host, port }: Inspection, limit: Limit): string[] {
  const ifb = findIfb(host, request);
  if (ifb === undefined) return [`IFB "${ifbNames(request)[0]}" is missing`];
  const isRedirected = listIngressFilters(host.netlink, port).some(({ redirect }) => redirect === ifb.index);
  return [
    ...checkReport(result, ifb),
    ...(ifb.up ? [] : [`IFB "${ifb.name}" is down, expected up`]),
    ...(isRedirected ? [] : [`Link "${port.name}" does not redirect what it receives to IFB "${ifb.name}"`]),
    ...checkLimit(host, { link: ifb, limit, what: "egress" }),
  ];
}

function checkReport(result: Result, ifb: Link): string[] {
  const what = `IFB "${ifb.name}"`;
  const reported = findReported(result, ifb.name);
  return reported === undefined ? [`${what} is not among prevResult's interfaces`] : checkMac(what, reported.mac, ifb);
}
