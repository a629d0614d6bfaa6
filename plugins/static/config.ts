import { CniError } from "../../src/cni/error.ts";
import { type ParsedRequest, parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Dns, IpConfig, Route } from "../../src/cni/result.ts";
import { compareVersions } from "../../src/cni/version.ts";
import type { Address } from "../../src/ip/address.ts";
import { type Prefix, parsePrefix, prefixContains } from "../../src/ip/prefix.ts";
import { type ArgumentIps, parseArgumentIps } from "./argument-ips.ts";
import { staticPlugin } from "./schema.ts";

/** What the container gets. */
export interface StaticConfig {
  readonly ips: readonly StaticIp[];
  readonly routes: readonly Route[];
  readonly dns: Dns;
  /** Whether ADD asks the link if another host has one of the addresses. */
  readonly checkConflict: boolean;
}

/** An address. `isGatewayFound` says that its gateway is that of another address of the subnet. */
export interface StaticIp extends IpConfig {
  readonly isGatewayFound: boolean;
}

/** An entry of `addresses`. */
interface Entry {
  readonly address: string;
  readonly gateway?: Address | undefined;
}

/** The first version whose results can carry several addresses of a family. */
const SEVERAL_ADDRESSES = "0.3.0";

/**
 * Reads the configuration. The addresses are those of runtimeConfig.ips; without them, those of args.cni.ips; without them, those of the
 * configuration, and then those of CNI_ARGS. @throws CniError invalidConfig, invalidEnvironment
 */
export function parseStaticConfig(request: ParsedRequest & Pick<Request, "args" | "version">): StaticConfig {
  const { ipam, runtimeConfig, args } = parseRequest(staticPlugin, request, { within: "ipam" });
  if (ipam === undefined) invalid("IPAM config missing 'ipam' key");
  const argued = parseArgumentIps(request.args);
  const asked = (args?.cni?.ips ?? []).map(parseRequested);
  const askedLast = (runtimeConfig?.ips ?? []).map(parseRequested);
  const { addresses = [], routes = [], dns = {}, checkConflict } = ipam;
  const requested = askedLast.length > 0 ? askedLast : asked;
  const ips =
    requested.length > 0 ? completeRequested(requested, { addresses, argued }) : configured(addresses, argued);
  refuseSeveral(ips, request.version);
  return { ips, routes, dns, checkConflict };
}

function parseRequested(text: string): Prefix {
  return (
    parsePrefix(text) ?? invalid(`an entry in the 'ips' field is NOT in CIDR notation, got: '${text}'`, WITH_LENGTH)
  );
}

/** The addresses of the configuration, and then those of CNI_ARGS. */
function configured(addresses: readonly Entry[], argued: ArgumentIps): readonly StaticIp[] {
  const own = addresses.map(({ address, gateway }) => ({ address: parseConfigured(address), gateway }));
  const gateways = argued.gateways.map((gateway) => ({ gateway }));
  return [...own, ...argued.addresses.map((address) => ({ address, gateway: undefined }))].map(
    ({ address, gateway }) => ({
      address,
      gateway: gateway ?? findGateway(address, gateways),
      isGatewayFound: false,
    }),
  );
}

function parseConfigured(text: string): Prefix {
  return (
    parsePrefix(text) ?? invalid(`the 'address' field is expected to be in CIDR notation, got: '${text}'`, WITH_LENGTH)
  );
}

/** Requested addresses name no gateway. They get that of CNI_ARGS or of the configured address whose subnet they are in. */
function completeRequested(
  requested: readonly Prefix[],
  { addresses, argued }: { addresses: readonly Entry[]; argued: ArgumentIps },
): readonly StaticIp[] {
  // The addresses that are replaced need not be valid.
  const replaced = addresses.map(({ address, gateway }) => ({ within: parsePrefix(address), gateway }));
  const known = replaced.filter(({ within }) => within !== undefined);
  const gateways = [...argued.gateways.map((gateway) => ({ gateway })), ...known];
  return requested.map((address) => ({ address, gateway: findGateway(address, gateways), isGatewayFound: true }));
}

/** The last gateway inside the address's subnet; with `within`, only for an address in that subnet. */
function findGateway(
  address: Prefix,
  known: readonly { readonly gateway: Address | undefined; readonly within?: Prefix | undefined }[],
): Address | undefined {
  const isFor = ({ gateway, within = address }: (typeof known)[number]) =>
    gateway !== undefined && prefixContains(address, gateway) && prefixContains(within, address.address);
  return known.filter(isFor).at(-1)?.gateway;
}

function refuseSeveral(ips: readonly StaticIp[], version: string): void {
  if (compareVersions(version, SEVERAL_ADDRESSES) >= 0) return;
  const countOf = (family: 4 | 6) => ips.filter(({ address }) => address.address.family === family).length;
  if (Math.max(countOf(4), countOf(6)) > 1)
    invalid(`CNI version ${version} does not support more than 1 address per family`);
}

const WITH_LENGTH = "write the address with its prefix length, such as 10.10.0.5/24";

function invalid(message: string, details = ""): never {
  throw new CniError("invalidConfig", message, { details });
}
