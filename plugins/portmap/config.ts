import { parseConfig } from "../../src/cni/config.ts";
import { CniError } from "../../src/cni/error.ts";
import { formatValue } from "../../src/cni/issue.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Family } from "../../src/ip/address.ts";
import { type PortMapping, parsePortMappings } from "./mapping.ts";
import { portmap } from "./schema.ts";

/** The bit of a packet's mark that says that it is to be masqueraded. Kubernetes uses 14 and 15, Calico 16 and up. */
const DEFAULT_MARK_BIT = 13;

type BackendKind = "nftables" | "iptables";

/** What `portmap` was asked to do: every field has its default, and every combination that cannot work is refused. */
export interface PortmapConfig {
  /** Undefined where the configuration leaves it to the host. */
  readonly backend: BackendKind | undefined;
  readonly snat: boolean;
  readonly masqAll: boolean;
  readonly markBit: number;
  /** A chain of iptables that marks packets in the place of this plugin's. */
  readonly externalSetMarkChain: string | undefined;
  /** What a packet must be besides, in the words of the backend's tool; none for all packets. */
  readonly conditions: Readonly<Record<Family, readonly string[]>>;
  readonly mappings: readonly PortMapping[];
}

/** Reads the configuration. @throws CniError invalidConfig */
export function parsePortmapConfig(request: Pick<Request, "config">): PortmapConfig {
  const fields = parseConfig(portmap, request.config);
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

/** Empty words say nothing, as in the reference. */
function tokens(list: readonly string[] = []): readonly string[] {
  return list.filter((token) => token !== "");
}

function parseBackend(text: string | undefined): BackendKind | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "nftables" || text === "iptables") return text;
  return invalid(`unrecognized backend ${formatValue(text)}`, 'must be "nftables" or "iptables"');
}

/** The backend that is asked for, or else the one that the rest of the configuration is written for. */
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

/** A condition of iptables begins with an option or a negation, and none of nftables does. */
function languageOf(first: string): BackendKind {
  return /^[-!]/.test(first) ? "iptables" : "nftables";
}

function invalid(message: string, details = ""): never {
  throw new CniError("invalidConfig", message, { details });
}
