import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import { parseNewNameConfig } from "./config.ts";

/** Compares the attachment with what ADD made. @throws CniError checkFailed that lists every difference */
export function check(request: Request): void {
  parseNewNameConfig(request);
  const { interfaces } = requirePrevResult(request);
  const isReported = interfaces.some(({ name }) => name === request.ifname);
  refuseDifferences(isReported ? [] : [`Interface "${request.ifname}" is not among prevResult's interfaces`]);
}
