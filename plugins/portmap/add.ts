import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import type { Host } from "../../src/steps/host.ts";
import { undoOnError } from "../../src/steps/undo.ts";
import { openPortsBackend } from "./backend.ts";
import { parsePortmapConfig } from "./config.ts";
import { enableLocalnet, findLocalnet } from "./localnet.ts";
import { planPorts } from "./plan.ts";
import { mapPorts } from "./ports.ts";

/** Maps ports of the host to a container that earlier plugins have attached. On failure, every change of this call is undone. */
export function add(request: Request, host: Host): Result {
  const config = parsePortmapConfig(request);
  const result = requirePrevResult(request, "must be called as chained plugin");
  const ports = planPorts(request, config, result);
  if (ports.families.length === 0) return result;
  return undoOnError(request.log, (defer) => {
    const backend = openPortsBackend(host, request, config);
    const plan = { ...ports, localnet: findLocalnet(host, ports) };
    mapPorts(host, { request, backend, plan }, defer);
    // The rules that keep other hosts away exist by now.
    if (plan.localnet !== undefined) enableLocalnet(host, plan.localnet);
    return result;
  });
}
