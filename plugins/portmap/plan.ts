import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import type { PortmapConfig } from "./config.ts";
import { containerAddresses, planRedirects, type Redirects } from "./redirect.ts";

/** What of a container's connections to its own host's ports comes back to the host to be answered: which sources are masqueraded. */
export interface Masquerading {
  /** Every source, not only those that would answer past the host: the container's neighbours and the host itself. */
  readonly all: boolean;
  /** The mark that says so on the packet's way through the host. */
  readonly mark: number;
}

/** All that an ADD sets up, whatever the backend. */
export interface Plan {
  readonly owner: Attachment;
  readonly families: readonly Redirects[];
  /** Undefined without `snat`. */
  readonly masquerading: Masquerading | undefined;
  readonly config: PortmapConfig;
  /** The host's link to the container, where 127.0.0.1 is to work through it. */
  readonly localnet: string | undefined;
}

/** What the configuration asks for, for the addresses that the earlier plugins gave. @throws CniError invalidConfig */
export function planPorts(request: Request, config: PortmapConfig, result: Result): Omit<Plan, "localnet"> {
  const { snat, masqAll, markBit } = config;
  return {
    owner: request,
    families: planRedirects(config.mappings, containerAddresses(result, request.ifname)),
    masquerading: snat ? { all: masqAll, mark: 2 ** markBit } : undefined,
    config,
  };
}
