import { CniError } from "../../src/cni/error.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import { parseNewNameConfig } from "./config.ts";

/** Compares the attachment with what ADD made. @throws CniError checkFailed that lists every difference */
export function check(request: Request): void {
  parseNewNameConfig(request);
  const { interfaces } = requirePrevResult(request);
  const isReported = interfaces.some(({ name }) => name === request.ifname);
  const differences = isReported ? [] : [`Interface "${request.ifname}" is not among prevResult's interfaces`];
  if (differences.length > 0) throw new CniError("checkFailed", differences.join("; "));
}
