import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { supportsKind } from "../../src/netlink/link/support.ts";
import { supportsTokenBucket } from "../../src/netlink/qdisc/support.ts";
import type { Host } from "../../src/steps/host.ts";
import { parseBandwidthConfig } from "./config.ts";

/**
 * Whether an ADD could be served: the network's own limits by the kernel. What a runtime will ask for is not known here, and a
 * network whose containers have no limits needs nothing. @throws CniError unavailable that says what is missing and what to do
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
