import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Dns } from "../../src/cni/result.ts";
import { requireIpam } from "../../src/steps/ipam.ts";
import { dummy } from "./schema.ts";

/** Reads the configuration, which must name an IPAM plugin. @throws CniError invalidConfig */
export function parseDummyConfig(request: Request): { readonly dns: Dns | undefined } {
  const { dns } = parseRequest(dummy, request);
  requireIpam(request, "dummy interface requires an IPAM configuration");
  return { dns };
}
