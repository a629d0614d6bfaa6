import type * as z from "zod/mini";
import { CniError } from "../../src/cni/error.ts";
import { type ParsedRequest, parseForRemoval, parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import { OPTION, type Options } from "../../src/dhcp/options.ts";
import type { Identity } from "../../src/dhcp/question.ts";
import type { Family } from "../../src/ip/address.ts";
import { encodeProvided, parseOptionName } from "./option-name.ts";
import * as schema from "./schema.ts";

/** The daemon's socket, if the configuration names none. */
export const DEFAULT_SOCKET = "/run/cni/dhcp.sock";

/** How long ADD may take if the configuration names no time, in seconds. */
const DEFAULT_TIMEOUT = 60;

/**
 * What a client asks for besides its configuration. Option 121 is before the options that it replaces (RFC 3442). Where these are not
 * wanted and there are no others, the reference asks for LEAST.
 */
const DEFAULTS = [
  OPTION.SUBNET_MASK,
  OPTION.CLASSLESS_ROUTES,
  OPTION.ROUTERS,
  OPTION.STATIC_ROUTES,
  OPTION.NAME_SERVERS,
  OPTION.DOMAIN,
  OPTION.MTU,
  OPTION.DOMAIN_SEARCH,
];
const LEAST = [OPTION.SUBNET_MASK, OPTION.ROUTERS, OPTION.DOMAIN, OPTION.NAME_SERVERS];

/** The most bytes of the text in the client's identifier. */
const LONGEST_ID = 254;

/** The configuration, with defaults filled in. */
export interface DhcpConfig {
  readonly socket: string;
  /** The families to ask for, each once, IPv4 first. */
  readonly families: readonly Family[];
  /** Who the client is and what it asks for, but for its MAC. For IPv4. */
  readonly client: Omit<Identity, "mac">;
  /** The metric of the routes. */
  readonly priority: number | undefined;
  /** In seconds. */
  readonly timeout: number;
}

/** Reads the configuration, and CNI_ARGS where it refers to them. @throws CniError invalidConfig */
export function parseDhcp(request: Request): DhcpConfig {
  const { ipam } = parseRequest(schema.dhcp, request, { within: "ipam" });
  if (ipam === undefined) throw new CniError("invalidConfig", "IPAM config missing 'ipam' key");
  const provided = readProvided(ipam.provide ?? [], request.args);
  return {
    socket: ipam.daemonSocketPath || DEFAULT_SOCKET,
    families: readFamilies(ipam.families ?? [4]),
    client: {
      clientId: provided.get(OPTION.CLIENT_ID) ?? defaultId(request),
      provided,
      requested: readRequested(ipam.request ?? []),
      broadcast: ipam.broadcast ?? false,
    },
    priority: ipam.priority,
    timeout: ipam.timeout ?? DEFAULT_TIMEOUT,
  };
}

/** The daemon's socket, which is all that DEL and GC need. The rest of the configuration may be invalid. @throws CniError invalidConfig */
export function readSocket(request: Omit<ParsedRequest, "network">): string {
  return parseForRemoval(schema.socket, request)?.ipam?.daemonSocketPath || DEFAULT_SOCKET;
}

type Ipam = NonNullable<z.output<ReturnType<typeof schema.dhcp>>["ipam"]>;

function readFamilies(given: readonly number[]): readonly Family[] {
  const families = ([4, 6] as const).filter((family) => given.includes(family));
  if (families.length > 0 && families.length === given.length) return families;
  throw new CniError("invalidConfig", `Cannot use ipam.families ${JSON.stringify(given)}: must be [4], [6] or [4, 6]`);
}

/** Of an option's values the last one counts: that of CNI_ARGS. */
function readProvided(provide: NonNullable<Ipam["provide"]>, args: string): Options {
  const known = readArgs(args);
  const values = provide.flatMap(({ option, value, fromArg }) => {
    const given = [value, fromArg ? known.get(fromArg) : undefined].filter((each) => each !== undefined && each !== "");
    parseOptionName(option);
    return given.map((each = "") => encodeProvided(option, each));
  });
  return new Map(values);
}

/** CNI_ARGS, "K=V;K2=V2". What is no pair is left out: the variable is for several plugins. */
function readArgs(args: string): ReadonlyMap<string, string> {
  const pairs = args.split(";").map((pair) => pair.split("="));
  return new Map(pairs.flatMap(([name = "", ...rest]) => (rest.length === 1 ? [[name, rest.join("=")] as const] : [])));
}

function readRequested(request: NonNullable<Ipam["request"]>): readonly number[] {
  const named = request.flatMap(({ option = "", skipDefault = false }) =>
    option === "" && skipDefault ? [] : [parseOptionName(option)],
  );
  const all = request.some(({ skipDefault }) => skipDefault) ? named : [...named, ...DEFAULTS];
  return [...new Set(all.length === 0 ? LEAST : all)];
}

/** The attachment's identifier, as in the reference: a server that knows it gives the same address again. */
function defaultId({ containerId, network, ifname }: Request): Uint8Array {
  const text = new TextEncoder().encode(`${containerId}/${network}/${ifname}`).subarray(0, LONGEST_ID);
  return Uint8Array.of(0, ...text);
}
