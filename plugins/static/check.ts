import { CniError } from "../../src/cni/error.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import { formatAddress, isSameAddress } from "../../src/ip/address.ts";
import { formatPrefix } from "../../src/ip/prefix.ts";
import { parseStaticConfig, type StaticIp } from "./config.ts";

/** Succeeds if prevResult has each address, with its gateway. @throws CniError checkFailed that lists every difference */
export function check(request: Request): void {
  const { ips } = parseStaticConfig(request);
  const reported = requirePrevResult(request).ips;
  const wrong = ips.filter((ip) => !reported.some((each) => matches(ip, each)));
  if (wrong.length === 0) return;
  const list = wrong.map(({ address }) => formatAddress(address.address)).join(", ");
  throw new CniError("checkFailed", `static: Failed to match addr ${list} on interface ${request.ifname}`, {
    details: `expected ${describe(wrong)}; prevResult has ${describe(reported)}`,
  });
}

/** A gateway that was found for a requested address does not count: the Go plugin reports none. */
function matches({ address, gateway, isGatewayFound }: StaticIp, reported: IpConfig): boolean {
  if (!isSameAddress(address.address, reported.address.address)) return false;
  if (gateway === undefined || isGatewayFound) return true;
  return reported.gateway !== undefined && isSameAddress(gateway, reported.gateway);
}

function describe(ips: readonly IpConfig[]): string {
  if (ips.length === 0) return "none";
  return ips
    .map(({ address, gateway }) => {
      const via = gateway === undefined ? "" : ` with gateway ${formatAddress(gateway)}`;
      return `${formatPrefix(address)}${via}`;
    })
    .join(", ");
}
