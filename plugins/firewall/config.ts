import { parseConfig } from "../../src/cni/config.ts";
import { CniError } from "../../src/cni/error.ts";
import { findMember, isObject } from "../../src/cni/json.ts";
import type { Request } from "../../src/cni/request.ts";
import { firewall } from "./schema.ts";

const DEFAULT_ZONE = "trusted";

const BACKENDS = ["nftables", "iptables", "firewalld"] as const;

const POLICIES = ["open", "same-bridge", "isolated"] as const;

/** The firewalls that can be asked for by name. */
export type BackendName = (typeof BACKENDS)[number];

/** Who may open connections to a container: anybody, its own bridge, or nobody of any bridge with such a policy. */
export type IngressPolicy = (typeof POLICIES)[number];

/** What `firewall` was asked to do. */
export interface FirewallConfig {
  /** Undefined where the host's own firewalls decide. */
  readonly backend: BackendName | undefined;
  readonly ingressPolicy: IngressPolicy;
  readonly adminChain: string;
  readonly zone: string;
}

/** Chains that have a meaning already, in which a jump to the operator's would go round in a circle. */
const TAKEN = ["INPUT", "FORWARD", "OUTPUT", "CNI-FORWARD", "CNI-ISOLATION-STAGE-1", "CNI-ISOLATION-STAGE-2"];

/** Targets that a chain cannot be named as, for a jump would mean them. */
const TARGETS = ["ACCEPT", "DROP", "RETURN", "QUEUE", "REJECT"];

/** XT_EXTENSION_MAXNAMELEN without the NUL: bytes of a chain's name. <linux/netfilter/x_tables.h> */
const MAX_CHAIN = 28;

/** Reads the configuration; "" is unset everywhere. @throws CniError invalidConfig */
export function parseFirewallConfig(request: Request): FirewallConfig {
  const fields = parseConfig(firewall, request.config);
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

/** All that DEL and GC need of the configuration: what else is in it may be wrong by now. */
export function readZone(request: Request): string {
  const zone = isObject(request.config) ? findMember(request.config, "firewalldZone") : undefined;
  return typeof zone === "string" && zone !== "" ? zone : DEFAULT_ZONE;
}

function choose<T extends string>(key: string, value: string | undefined, choices: readonly T[]): T | undefined {
  if (value === undefined || value === "") return undefined;
  const found = choices.find((choice) => choice === value);
  return found ?? invalid(key, value, `one of ${choices.join(", ")}`);
}

/** The name goes into the input of iptables-restore. */
function refuseBadChain(name: string): void {
  const isName = /^[A-Za-z0-9_.+:][\w.+:-]*$/.test(name) && name.length <= MAX_CHAIN;
  if (!isName) invalid("iptablesAdminChainName", name, `1 to ${MAX_CHAIN} letters, digits, "_", ".", "+", ":" and "-"`);
  if (TAKEN.includes(name)) invalid("iptablesAdminChainName", name, "a chain of the operator's own");
  if (TARGETS.includes(name)) invalid("iptablesAdminChainName", name, "no target's name");
}

function invalid(key: string, value: string, requirement: string): never {
  throw new CniError("invalidConfig", `Cannot use ${key} ${JSON.stringify(value)}: must be ${requirement}`);
}
