import type { Rebuilding } from "../../src/cni/rebuilding.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Host } from "../../src/steps/host.ts";
import { KEPT, rebuildAll } from "../../src/steps/rebuild.ts";
import { openPortsBackend } from "./backend.ts";
import { parsePortmapConfig } from "./config.ts";
import { checkLocalnet, enableLocalnet, findLocalnet } from "./localnet.ts";
import { planPorts } from "./plan.ts";
import { checkPorts, mapPorts } from "./ports.ts";

/** Rebuilds port mappings that are missing, and the sysctl for loopback addresses. Connections through them go on. */
export function reapply(request: Request, host: Host): Rebuilding {
  const config = parsePortmapConfig(request);
  const ports = planPorts(request, config, requirePrevResult(request));
  if (ports.families.length === 0) return { rebuilt: [], failed: [] };
  const plan = { ...ports, localnet: findLocalnet(host, ports) };
  return rebuildAll([
    {
      what: "port mappings",
      run: () => {
        const backend = openPortsBackend(host, request, config);
        if (checkPorts(backend, plan).length === 0) return false;
        mapPorts(host, { request, backend, plan }, KEPT);
        return true;
      },
    },
    {
      what: "route_localnet",
      run: () => {
        if (plan.localnet === undefined || checkLocalnet(host, plan.localnet).length === 0) return false;
        enableLocalnet(host, plan.localnet);
        return true;
      },
    },
  ]);
}
