import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import type { Host } from "../../src/steps/host.ts";
import { openPortsBackend } from "./backend.ts";
import { parsePortmapConfig } from "./config.ts";
import { checkLocalnet, findLocalnet } from "./localnet.ts";
import { planPorts } from "./plan.ts";
import { checkPorts } from "./ports.ts";

/** Compares the host's state with what ADD sets up for this configuration. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  const config = parsePortmapConfig(request);
  const ports = planPorts(request, config, requirePrevResult(request));
  if (ports.families.length === 0) return;
  const plan = { ...ports, localnet: findLocalnet(host, ports) };
  const differences = [
    ...checkPorts(openPortsBackend(host, request, config), plan),
    ...(plan.localnet === undefined ? [] : checkLocalnet(host, plan.localnet)),
  ];
  refuseDifferences(differences);
}
