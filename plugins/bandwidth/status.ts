import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { supportsKind } from "../../src/netlink/link/support.ts";
import { supportsTokenBucket } from "../../src/netlink/qdisc/support.ts";
import type { Host } from "../../src/steps/host.ts";
import { parseBandwidthConfig } from "./config.ts";

/**
 * Whether an ADD could succeed: checks that the kernel supports the network's own limits. Limits that a runtime will pass are not known
 * here. A network without limits needs nothing.
 * @throws CniError unavailable with the problem and the remedy
 */
export function status(request: Request, host: Host): void {
  const { ingress, egress } = parseBandwidthConfig(request);
  if (ingress === undefined && egress === undefined) return;
  const missing = [
    ...(supportsTokenBucket(host.netlink) ? [] : ["sch_tbf"]),
    ...(egress === undefined || supportsKind(host.netlink, "ifb") ? [] : ["ifb"]),
  ];
  if (missing.length === 0) return;
  const remedy = `load its modules, "modprobe -a ${missing.join(" ")}"`;
  throw new CniError("unavailable", `Cannot limit bandwidth: the kernel lacks ${missing.join(" and ")}`, {
    details: remedy,
  });
}
