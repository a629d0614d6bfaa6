import { CniError } from "../../src/cni/error.ts";
import type { Result } from "../../src/cni/result.ts";
import { type Address, type Family, formatAddress, isSameAddress } from "../../src/ip/address.ts";
import type { Prefix } from "../../src/ip/prefix.ts";
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

/** The mappings of one family. Each family has at most one container address. */
export interface Redirects {
  readonly family: Family;
  /** The container's address, with its subnet's prefix length. */
  readonly prefix: Prefix;
  readonly redirects: readonly Redirect[];
}

/**
 * The container's addresses to map ports to: the first of each family that the result does not assign to another interface or to the
 * host.
 */
export function containerAddresses({ ips, interfaces }: Result, ifname: string): readonly Prefix[] {
  const isElsewhere = (index: number | undefined) => {
    const link = index === undefined ? undefined : interfaces[index];
    return link !== undefined && (link.name !== ifname || (link.sandbox ?? "") === "");
  };
  const own = ips.filter((ip) => !isElsewhere(ip.interface)).map(({ address }) => address);
  return ([4, 6] as const).flatMap((family) => own.find(({ address }) => address.family === family) ?? []);
}

/**
 * The mappings for each of the container's addresses, in order, without duplicates.
 * @throws CniError invalidConfig if a port is mapped to two places
 */
export function planRedirects(mappings: readonly PortMapping[], addresses: readonly Prefix[]): readonly Redirects[] {
  return addresses.flatMap((prefix) => {
    const { family } = prefix.address;
    const redirects = mappings
      .filter(({ families }) => families.includes(family))
      .map(({ protocol, hostIp, hostPort, containerPort }) => {
        return { protocol, hostIp, hostPort, to: prefix.address, toPort: containerPort };
      });
    return redirects.length === 0 ? [] : [{ family, prefix, redirects: unique(redirects) }];
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
