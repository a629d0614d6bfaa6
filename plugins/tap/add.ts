import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { attach } from "../../src/steps/attachment.ts";
import type { Host } from "../../src/steps/host.ts";
import { parseTapConfig } from "./config.ts";
import { makeTap } from "./make.ts";

/** Gives the container a tap. On failure, every change of this call is undone. */
export function add(request: Request, host: Host): Result {
  return attach(request, host, () => {
    const config = parseTapConfig(request);
    return {
      dns: config.dns,
      connect: (container, defer) => makeTap({ request, host, config, container }, defer),
    };
  });
}
