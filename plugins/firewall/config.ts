import { CniError } from "../../src/cni/error.ts";
import { findMember, isObject } from "../../src/cni/json.ts";
import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import { firewall } from "./schema.ts";

const DEFAULT_ZONE = "trusted";

const BACKENDS = ["nftables", "iptables", "firewalld"] as const;

const POLICIES = ["open", "same-bridge", "isolated"] as const;

/** The names of the backends. */
export type BackendName = (typeof BACKENDS)[number];

/**
 * Who may open connections to a container. `open`: anybody. `same-bridge`: not from other bridges that have a policy. `isolated`: nobody
 * on any bridge that has a policy.
 */
export type IngressPolicy = (typeof POLICIES)[number];

/** The configuration of `firewall`. */
export interface FirewallConfig {
  /** Undefined to choose by the host's firewalls. */
  readonly backend: BackendName | undefined;
  readonly ingressPolicy: IngressPolicy;
  readonly adminChain: string;
  readonly zone: string;
}

/** Chains that already have a purpose. If the operator's chain were one of them, jumps would loop. */
const TAKEN = ["INPUT", "FORWARD", "OUTPUT", "CNI-FORWARD", "CNI-ISOLATION-STAGE-1", "CNI-ISOLATION-STAGE-2"];

/** Built-in targets. A jump to a chain with such a name would mean the target. */
const TARGETS = ["ACCEPT", "DROP", "RETURN", "QUEUE", "REJECT"];

/** The maximum length of a chain name in bytes: XT_EXTENSION_MAXNAMELEN without the NUL. <linux/netfilter/x_tables.h> */
const MAX_CHAIN = 28;

/** Reads the configuration. "" means unset everywhere. @throws CniError invalidConfig */
export function parseFirewallConfig(request: Request): FirewallConfig {
  const fields = parseRequest(firewall, request);
  const config = {
    backend: choose("backend", fields.backend, BACKENDS),
    ingressPolicy: choose("ingressPolicy", fields.ingressPolicy, POLICIES) ?? "open",
    adminChain: fields.iptablesAdminChainName || "CNI-ADMIN",
    zone: fields.firewalldZone || DEFAULT_ZONE,
  };
  refuseBadChain(config.adminChain);
  if (/[\s\p{Cc}]/u.test(config.zone)) invalid("firewalldZone", config.zone, "the name of a zone");
  return config;
}

/** The only setting that DEL and GC need. The rest of the configuration may be invalid by then. */
export function readZone(request: Request): string {
  const zone = isObject(request.config) ? findMember(request.config, "firewalldZone") : undefined;
  return typeof zone === "string" && zone !== "" ? zone : DEFAULT_ZONE;
}

function choose<T extends string>(key: string, value: string | undefined, choices: readonly T[]): T | undefined {
  if (value === undefined || value === "") return undefined;
  const found = choices.find((choice) => choice === value);
  return found ?? invalid(key, value, `one of ${choices.join(", ")}`);
}

/** The name is written into the input of iptables-restore. */
function refuseBadChain(name: string): void {
  const isName = /^[A-Za-z0-9_.+:][\w.+:-]*$/.test(name) && name.length <= MAX_CHAIN;
  if (!isName) invalid("iptablesAdminChainName", name, `1 to ${MAX_CHAIN} letters, digits, "_", ".", "+", ":" and "-"`);
  if (TAKEN.includes(name)) invalid("iptablesAdminChainName", name, "a chain of the operator's own");
  if (TARGETS.includes(name)) invalid("iptablesAdminChainName", name, "no target's name");
}

function invalid(key: string, value: string, requirement: string): never {
  throw new CniError("invalidConfig", `Cannot use ${key} ${JSON.stringify(value)}: must be ${requirement}`);
}
