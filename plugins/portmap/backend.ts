import type { Request } from "../../src/cni/request.ts";
import type { Host } from "../../src/steps/host.ts";
import { type Backend, openBackend } from "../../src/steps/netfilter.ts";
import type { PortmapConfig } from "./config.ts";
import { requireConditions } from "./nftables-conditions.ts";

/**
 * Opens the backend that maps the configuration's ports.
 * @throws CniError unsupportedField if the host lacks it or what conditions need, invalidConfig
 */
export function openPortsBackend(host: Host, request: Request, config: PortmapConfig): Backend {
  const backend = openBackend(host, request, { field: "backend", asked: config.backend, need: "portMappings" });
  if (backend.kind === "nftables") requireConditions(config, request.environment);
  return backend;
}
