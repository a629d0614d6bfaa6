import type { Request } from "../../src/cni/request.ts";
import { formatPrefix, isSamePrefix, type Prefix } from "../../src/ip/prefix.ts";
import { findAddresses } from "../../src/netlink/address/list.ts";
import { openContainer } from "../../src/steps/container.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import type { Host } from "../../src/steps/host.ts";
import { getLoopback } from "./loopback.ts";

/** Compares the container's `lo` with what ADD set up and reported. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  const { netlink } = openContainer(host, request.netns);
  const lo = getLoopback(netlink);
  const reported = reportedAddresses(request);
  const present = reported.length === 0 ? [] : findAddresses(netlink, lo, reported);
  const isMissing = (wanted: Prefix) => !present.some(({ prefix }) => isSamePrefix(prefix, wanted));
  const differences = [
    ...(lo.up ? [] : ["loopback interface is down"]),
    ...reported.filter(isMissing).map((prefix) => `loopback interface has no address ${formatPrefix(prefix)}`),
  ];
  refuseDifferences(differences);
}

/** The addresses that prevResult reports for `lo`. Empty if prevResult is another plugin's: it may have replaced ours in a list. */
function reportedAddresses({ prevResult, netns }: Request): readonly Prefix[] {
  const { interfaces = [], ips = [] } = prevResult ?? {};
  const own = interfaces.findIndex(({ name, sandbox }) => name === "lo" && sandbox === netns);
  return ips.filter((ip) => own >= 0 && ip.interface === own).map(({ address }) => address);
}
