import type * as z from "zod/mini";
import { CniError } from "../../src/cni/error.ts";
import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import { ptp } from "./schema.ts";

/** The configuration of `ptp`, with all defaults filled in. It names an IPAM plugin. */
export type PtpConfig = Omit<z.output<ReturnType<typeof ptp>>, "ipam">;

/** Reads the configuration. @throws CniError invalidConfig */
export function parsePtpConfig(request: Request): PtpConfig {
  const { ipam, ...config } = parseRequest(ptp, request);
  if (!ipam?.type) refuseWithoutIpam();
  const { ipMasqBackend: backend } = config;
  if (backend !== undefined && backend !== "nftables" && backend !== "iptables") {
    throw new CniError("invalidConfig", `unknown ipmasq backend ${JSON.stringify(backend)}`);
  }
  return config;
}

/** @throws CniError invalidConfig: without an address, nothing leads to the container */
export function refuseWithoutIpam(): never {
  const details = 'ptp needs addresses: set "ipam" to an IPAM plugin such as host-local';
  throw new CniError("invalidConfig", "no plugin name provided", { details });
}
