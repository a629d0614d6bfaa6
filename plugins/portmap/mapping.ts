import type * as z from "zod/mini";
import { CniError } from "../../src/cni/error.ts";
import { formatValue } from "../../src/cni/issue.ts";
import { type Address, type Family, isUnspecified } from "../../src/ip/address.ts";
import type { portMapping } from "./schema.ts";

/** The protocols whose ports can be mapped: those with the port at the same place as UDP. */
export const PROTOCOLS = ["tcp", "udp", "sctp"] as const;

export type Protocol = (typeof PROTOCOLS)[number];

/** An entry of `portMappings`. CONVENTIONS.md, "port mappings" */
export interface PortMapping {
  readonly protocol: Protocol;
  readonly hostPort: number;
  readonly containerPort: number;
  /** The host address of the port; undefined for all. */
  readonly hostIp: Address | undefined;
  /** The families of the mapping. 0.0.0.0 also means all addresses, but only of IPv4. */
  readonly families: readonly Family[];
}

type Entry = z.output<ReturnType<typeof portMapping>>;

/** Reads the entries. The default protocol is TCP. @throws CniError invalidConfig in the reference's words if it has some */
export function parsePortMappings(entries: readonly Entry[]): readonly PortMapping[] {
  return entries.map((entry, index) => {
    const where = `portMappings[${index}]`;
    refuseBadPort("container", entry.containerPort, where);
    refuseBadPort("host", entry.hostPort, where);
    const { hostPort, containerPort, hostIP } = entry;
    const hostIp = hostIP === undefined || isUnspecified(hostIP) ? undefined : hostIP;
    const families: readonly Family[] = hostIP === undefined ? [4, 6] : [hostIP.family];
    return { protocol: parseProtocol(entry.protocol, where), hostPort, containerPort, hostIp, families };
  });
}

function refuseBadPort(end: "container" | "host", port: number, where: string): void {
  if (port >= 1 && port <= 65_535) return;
  const details = `must be 1 to 65535, in runtimeConfig.${where}`;
  throw new CniError("invalidConfig", `Invalid ${end} port number: ${port}`, { details });
}

function parseProtocol(text: string, where: string): Protocol {
  const lower = text.toLowerCase();
  const protocol = lower === "" ? "tcp" : PROTOCOLS.find((each) => each === lower);
  if (protocol !== undefined) return protocol;
  const found = `Cannot use runtimeConfig.${where}.protocol ${formatValue(text)}`;
  throw new CniError("invalidConfig", `${found}: must be one of ${PROTOCOLS.join(", ")}`);
}
