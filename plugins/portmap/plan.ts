import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import type { PortmapConfig } from "./config.ts";
import { containerAddresses, planRedirects, type Redirects } from "./redirect.ts";

/** The sources to masquerade, so that answers to connections to the host's own ports return through the host. */
export interface Masquerading {
  /** Every source, not only those whose answers would bypass the host: the container's neighbours and the host itself. */
  readonly all: boolean;
  /** The packet mark that asks for masquerading. */
  readonly mark: number;
}

/** What an ADD sets up, for any backend. */
export interface Plan {
  readonly owner: Attachment;
  readonly families: readonly Redirects[];
  /** Undefined without `snat`. */
  readonly masquerading: Masquerading | undefined;
  readonly config: PortmapConfig;
  /** The host's link to the container, if 127.0.0.1 should work through it. */
  readonly localnet: string | undefined;
}

/** The plan for a configuration and the addresses that earlier plugins assigned. @throws CniError invalidConfig */
export function planPorts(request: Request, config: PortmapConfig, result: Result): Omit<Plan, "localnet"> {
  const { snat, masqAll, markBit } = config;
  return {
    owner: request,
    families: planRedirects(config.mappings, containerAddresses(result, request.ifname)),
    masquerading: snat ? { all: masqAll, mark: 2 ** markBit } : undefined,
    config,
  };
}
