import { CniError } from "../../src/cni/error.ts";
import type { Result } from "../../src/cni/result.ts";
import { type Address, type Family, formatAddress, isSameAddress } from "../../src/ip/address.ts";
import { formatPrefix, network, type Prefix } from "../../src/ip/prefix.ts";
import type { PortMapping, Protocol } from "./mapping.ts";

/** A host port, and the container's address and port that it is mapped to. */
export interface Redirect {
  readonly protocol: Protocol;
  /** Undefined for all host addresses of the family. */
  readonly hostIp: Address | undefined;
  readonly hostPort: number;
  readonly to: Address;
  readonly toPort: number;
}

/** The mappings of one family. All lead to one address of the container. */
export interface Redirects {
  readonly family: Family;
  /** The subnets of all the container's addresses, each once, beginning with that of the address that ports are mapped to. */
  readonly subnets: readonly Prefix[];
  readonly redirects: readonly Redirect[];
}

/** The container's addresses: those that the result does not assign to another interface or to the host. */
export function containerAddresses({ ips, interfaces }: Result, ifname: string): readonly Prefix[] {
  const isElsewhere = (index: number | undefined) => {
    const link = index === undefined ? undefined : interfaces[index];
    return link !== undefined && (link.name !== ifname || (link.sandbox ?? "") === "");
  };
  return ips.filter((ip) => !isElsewhere(ip.interface)).map(({ address }) => address);
}

/**
 * The mappings to the container's first address of each family, in order, without duplicates.
 * @throws CniError invalidConfig if a port is mapped to two places
 */
export function planRedirects(mappings: readonly PortMapping[], addresses: readonly Prefix[]): readonly Redirects[] {
  return ([4, 6] as const).flatMap((family) => {
    const own = addresses.filter(({ address }) => address.family === family);
    const [first] = own;
    if (first === undefined) return [];
    const redirects = mappings
      .filter(({ families }) => families.includes(family))
      .map(({ protocol, hostIp, hostPort, containerPort }) => {
        return { protocol, hostIp, hostPort, to: first.address, toPort: containerPort };
      });
    return redirects.length === 0 ? [] : [{ family, subnets: subnetsOf(own), redirects: unique(redirects) }];
  });
}

/** The host's end as text, `0.0.0.0:80/tcp`. It is unique among mappings. */
export function formatHostEnd({ hostIp, hostPort, protocol, to }: Omit<Redirect, "toPort">): string {
  const address = hostIp ?? { family: to.family, value: 0n };
  return `${formatEndpoint(address, hostPort)}/${protocol}`;
}

/** An address and a port, as `10.1.0.2:80` or `[fd00::2]:80`. */
export function formatEndpoint(address: Address, port: number): string {
  return address.family === 4 ? `${formatAddress(address)}:${port}` : `[${formatAddress(address)}]:${port}`;
}

/** Whether one packet could match both mappings. */
export function overlaps(a: Redirect, b: Redirect): boolean {
  return (
    a.to.family === b.to.family &&
    a.protocol === b.protocol &&
    a.hostPort === b.hostPort &&
    (a.hostIp === undefined || b.hostIp === undefined || isSameAddress(a.hostIp, b.hostIp))
  );
}

function subnetsOf(addresses: readonly Prefix[]): readonly Prefix[] {
  return [...new Map(addresses.map(network).map((subnet) => [formatPrefix(subnet), subnet])).values()];
}

function unique(redirects: readonly Redirect[]): readonly Redirect[] {
  const found = new Map<string, Redirect>();
  for (const redirect of redirects) {
    const end = formatHostEnd(redirect);
    const { toPort } = found.get(end) ?? redirect;
    if (toPort !== redirect.toPort) {
      const ports = `ports ${toPort} and ${redirect.toPort}`;
      throw new CniError("invalidConfig", `Cannot use portMappings: ${end} is mapped to the container's ${ports}`);
    }
    found.set(end, redirect);
  }
  return [...found.values()];
}
