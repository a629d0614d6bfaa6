import { CniError } from "../../src/cni/error.ts";
import { formatValue } from "../../src/cni/issue.ts";
import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Family } from "../../src/ip/address.ts";
import { type PortMapping, parsePortMappings } from "./mapping.ts";
import { portmap } from "./schema.ts";

/** The bit of the packet mark that asks for masquerading. Kubernetes uses 14 and 15, Calico 16 and up. */
const DEFAULT_MARK_BIT = 13;

type BackendKind = "nftables" | "iptables";

/** The configuration of `portmap`, with all defaults filled in. Combinations that cannot work have been refused. */
export interface PortmapConfig {
  /** Undefined to choose by the host. */
  readonly backend: BackendKind | undefined;
  readonly snat: boolean;
  readonly masqAll: boolean;
  readonly markBit: number;
  /** An iptables chain that marks packets instead of this plugin's. */
  readonly externalSetMarkChain: string | undefined;
  /** Extra conditions for packets, in the syntax of the backend's tool; empty for all packets. */
  readonly conditions: Readonly<Record<Family, readonly string[]>>;
  readonly mappings: readonly PortMapping[];
}

/** Reads the configuration. @throws CniError invalidConfig */
export function parsePortmapConfig(request: Request): PortmapConfig {
  const fields = parseRequest(portmap, request);
  const { snat, masqAll, markMasqBit, externalSetMarkChain } = fields;
  if (markMasqBit !== undefined && externalSetMarkChain !== undefined) {
    invalid("Cannot specify externalSetMarkChain and markMasqBit");
  }
  const markBit = markMasqBit ?? DEFAULT_MARK_BIT;
  if (markBit < 0 || markBit > 31) invalid("MasqMarkBit must be between 0 and 31", `found markMasqBit ${markBit}`);
  const conditions = { 4: tokens(fields.conditionsV4), 6: tokens(fields.conditionsV6) };
  return {
    backend: chooseBackend(parseBackend(fields.backend), { externalSetMarkChain, conditions }),
    snat,
    masqAll,
    markBit,
    externalSetMarkChain,
    conditions,
    mappings: parsePortMappings(fields.runtimeConfig?.portMappings ?? []),
  };
}

/** Drops empty words, as the reference does. */
function tokens(list: readonly string[] = []): readonly string[] {
  return list.filter((token) => token !== "");
}

function parseBackend(text: string | undefined): BackendKind | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "nftables" || text === "iptables") return text;
  return invalid(`unrecognized backend ${formatValue(text)}`, 'must be "nftables" or "iptables"');
}

/** The configured backend, else the one whose syntax the configuration uses. */
function chooseBackend(
  asked: BackendKind | undefined,
  { externalSetMarkChain, conditions }: Pick<PortmapConfig, "externalSetMarkChain" | "conditions">,
): BackendKind | undefined {
  const written = [
    ...(externalSetMarkChain === undefined ? [] : [["externalSetMarkChain", "iptables"]]),
    ...([4, 6] as const).flatMap((family) => {
      const [first] = conditions[family];
      return first === undefined ? [] : [[`conditionsV${family}`, languageOf(first)]];
    }),
  ];
  const backend = asked ?? (["iptables", "nftables"] as const).find((kind) => written.some(([, is]) => is === kind));
  const other = backend === "iptables" ? "nftables" : "iptables";
  const wrong = written.filter(([, is]) => is === other).map(([name]) => name);
  if (backend !== undefined && wrong.length > 0) {
    const found = `configuration contains ${other}-specific options [${wrong.join(" ")}]`;
    invalid(`${backend} backend was requested but ${found}`);
  }
  return backend;
}

/** An iptables condition starts with an option or a negation. An nftables condition never does. */
function languageOf(first: string): BackendKind {
  return /^[-!]/.test(first) ? "iptables" : "nftables";
}

function invalid(message: string, details = ""): never {
  throw new CniError("invalidConfig", message, { details });
}
