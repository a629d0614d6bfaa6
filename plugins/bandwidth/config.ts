import { parseConfig } from "../../src/cni/config.ts";
import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { type Limit, MAX_BURST, tokenBucketOf } from "./limit.ts";
import { bandwidth } from "./schema.ts";

/** What the container's interface is limited to; undefined where nothing limits it. */
export interface BandwidthConfig {
  /** Of what the container receives. */
  readonly ingress: Limit | undefined;
  /** Of what it sends. */
  readonly egress: Limit | undefined;
}

/**
 * Reads the limits: the network's own where it names one of them, be it with 0, else those that the runtime asks for.
 * @throws CniError invalidConfig
 */
export function parseBandwidthConfig(request: Request): BandwidthConfig {
  const { runtimeConfig, ingressRate, ingressBurst, egressRate, egressBurst } = parseConfig(bandwidth, request.config);
  const own = { ingressRate, ingressBurst, egressRate, egressBurst };
  const isNamed = Object.values(own).some((value) => value !== undefined);
  const asked = isNamed ? own : (runtimeConfig?.bandwidth ?? {});
  return {
    ingress: readLimit("ingress", asked.ingressRate, asked.ingressBurst),
    egress: readLimit("egress", asked.egressRate, asked.egressBurst),
  };
}

/** Both are in bits. The first three messages are the reference's. */
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
