import { CniError } from "../../src/cni/error.ts";
import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import { type Limit, MAX_BURST, tokenBucketOf } from "./limit.ts";
import { bandwidth } from "./schema.ts";

/** The limits of the container's interface; undefined without a limit. */
export interface BandwidthConfig {
  /** Limit on what the container receives. */
  readonly ingress: Limit | undefined;
  /** Limit on what the container sends. */
  readonly egress: Limit | undefined;
}

/**
 * Reads the limits. The network's own limits are used if it sets any of them, even to 0; else those that the runtime passes.
 * @throws CniError invalidConfig
 */
export function parseBandwidthConfig(request: Request): BandwidthConfig {
  const { runtimeConfig, ingressRate, ingressBurst, egressRate, egressBurst } = parseRequest(bandwidth, request);
  const own = { ingressRate, ingressBurst, egressRate, egressBurst };
  const isNamed = Object.values(own).some((value) => value !== undefined);
  const asked = isNamed ? own : (runtimeConfig?.bandwidth ?? {});
  return {
    ingress: readLimit("ingress", asked.ingressRate, asked.ingressBurst),
    egress: readLimit("egress", asked.egressRate, asked.egressBurst),
  };
}

/** Reads one limit. Rate and burst are in bits. The first three messages are the reference's. */
function readLimit(direction: string, rate = 0, burst = 0): Limit | undefined {
  const details = `found ${direction}Rate ${rate} and ${direction}Burst ${burst}`;
  if (rate === 0 && burst === 0) return undefined;
  if (burst === 0) refuse("if rate is set, burst must also be set", details);
  if (rate === 0) refuse("if burst is set, rate must also be set", details);
  const limit = { rate: Math.floor(rate / 8), burst: Math.floor(burst / 8) };
  if (limit.burst > MAX_BURST) refuse("burst cannot be more than 4GB", details);
  if (limit.rate === 0) refuse(`Cannot use ${direction}Rate ${rate}: must be at least 8 bits a second`);
  if (tokenBucketOf(limit).buffer === 0)
    refuse(
      `Cannot use ${direction}Burst ${burst}: must be at least what ${direction}Rate lets pass in a microsecond`,
      details,
    );
  return limit;
}

function refuse(message: string, details = ""): never {
  throw new CniError("invalidConfig", message, { details });
}
