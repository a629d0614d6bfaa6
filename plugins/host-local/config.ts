import path from "#path";
import { parseCniArgs } from "../../src/cni/args.ts";
import { CniError } from "../../src/cni/error.ts";
import { type ParsedRequest, parseForRemoval, parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Route } from "../../src/cni/result.ts";
import { compareVersions } from "../../src/cni/version.ts";
import { type Address, parseAddress } from "../../src/ip/address.ts";
import { parsePrefix } from "../../src/ip/prefix.ts";
import { inContext } from "./context.ts";
import { explainMissing, explainRefusal } from "./range-refusal.ts";
import { checkDisjoint, completeRangeSet, type RangeFields, type RangeSet } from "./range-set.ts";
import { hostLocal, release } from "./schema.ts";

/** The configuration of host-local, validated and with defaults filled in. */
export interface Config {
  /** The folder with the network's leases. */
  readonly folder: string;
  /** A container gets one address from each set. The index of a set numbers its last_reserved_ip file. */
  readonly sets: readonly RangeSet[];
  /** Requested addresses: from CNI_ARGS, then args.cni.ips, then runtimeConfig.ips. */
  readonly requested: readonly Address[];
  readonly routes: readonly Route[];
  /** Path of a file in resolv.conf format. */
  readonly resolvConf: string | undefined;
  /** How long a released address rests, in seconds. */
  readonly releaseDelay: number;
}

/** The folder of all networks' leases, if the configuration names none. */
export const DEFAULT_DATA_DIR = "/var/lib/cni/networks";

/** The first version whose results can carry several addresses of a family. */
const SEVERAL_ADDRESSES = "0.3.0";

/** A call, or a network that nobody calls. */
type HostLocalRequest = ParsedRequest & Pick<Request, "args" | "version">;

/**
 * Reads the configuration. Range sets come from runtimeConfig.ipRanges, then the legacy `subnet`, then `ranges`.
 * @throws CniError invalidConfig, invalidEnvironment
 */
export function parseHostLocal(request: HostLocalRequest): Config {
  const { ipam, runtimeConfig, args } = parseRequest(hostLocal, request, { within: "ipam" });
  if (ipam === undefined) throw new CniError("invalidConfig", "IPAM config missing 'ipam' key");
  const requested = [
    ...parseIpArg(request.args),
    ...[...(args?.cni?.ips ?? []), ...(runtimeConfig?.ips ?? [])].map(parseIp),
  ];
  const legacy = ipam.subnet === undefined ? [] : [[ipam]];
  const fields = [...(runtimeConfig?.ipRanges ?? []), ...legacy, ...(ipam.ranges ?? [])];
  if (fields.length === 0) {
    throw new CniError("invalidConfig", "no IP ranges specified", { details: explainMissing(request) });
  }
  const sets = fields.map((set, index) => inContext(`invalid range set ${index}`, () => complete(request, set, index)));
  checkFamilies(sets, request.version);
  checkDisjoint(sets);
  return {
    folder: folderOf(ipam.dataDir, request.network),
    sets,
    requested,
    routes: ipam.routes ?? [],
    resolvConf: ipam.resolvConf === "" ? undefined : ipam.resolvConf,
    releaseDelay: ipam.releaseDelay ?? 0,
  };
}

function complete(request: ParsedRequest, set: readonly RangeFields[], index: number): RangeSet {
  try {
    return completeRangeSet(set);
  } catch (error) {
    throw error instanceof CniError ? explainRefusal(request, { set, index, error }) : error;
  }
}

/** The settings that a release needs. */
export interface Release {
  readonly folder: string;
  /** How long the addresses rest, in seconds; 0 unless the configuration has a valid value. */
  readonly releaseDelay: number;
}

/**
 * The folder with the network's leases and the release delay, which is all that DEL needs. The rest of the configuration may be invalid.
 * @throws CniError invalidConfig
 */
export function parseRelease(request: ParsedRequest): Release {
  const { dataDir, releaseDelay = 0 } = parseForRemoval(release, request)?.ipam ?? {};
  return { folder: folderOf(dataDir, request.network), releaseDelay };
}

function folderOf(dataDir: string | undefined, network: string): string {
  // The name was checked before any plugin reads it. A name that leads elsewhere must still never become a path.
  if (network === "" || network === "." || network === ".." || network.includes("/")) {
    throw new CniError("invalidConfig", `Cannot use name "${network}": must be the name of a folder`);
  }
  return path.join(dataDir || DEFAULT_DATA_DIR, network);
}

function parseIpArg(args: string): readonly Address[] {
  const text = parseCniArgs(args, ["IP"]).IP ?? "";
  if (text === "") return [];
  const ip = parseIpOrPrefix(text);
  if (ip !== undefined) return [ip];
  const pair = JSON.stringify(`IP=${text}`);
  throw new CniError("invalidEnvironment", `ARGS: error parsing value of pair ${pair}: invalid IP address ${text}`, {
    details: "in CNI_ARGS",
  });
}

function parseIp(text: string): Address {
  const ip = parseIpOrPrefix(text);
  if (ip !== undefined) return ip;
  throw new CniError(
    "invalidConfig",
    text === "" ? "cannot understand ip: IP <nil> not v4 nor v6" : `invalid IP address ${text}`,
  );
}

/** Parses a requested address. The length of a prefix is ignored. */
function parseIpOrPrefix(text: string): Address | undefined {
  return text.includes("/") ? parsePrefix(text)?.address : parseAddress(text);
}

function checkFamilies(sets: readonly RangeSet[], version: string): void {
  const countOf = (family: 4 | 6) => sets.filter((set) => set[0]?.start.family === family).length;
  if (Math.max(countOf(4), countOf(6)) > 1 && compareVersions(version, SEVERAL_ADDRESSES) < 0) {
    throw new CniError("invalidConfig", `CNI version ${version} does not support more than 1 address per family`);
  }
}
