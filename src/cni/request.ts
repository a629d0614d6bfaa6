import type { Address } from "../ip/address.ts";
import { translating } from "../platform/outcome.ts";
import { parseConfig } from "./config.ts";
import { type Command, type Environment, validateNetworkName } from "./environment.ts";
import { CniError } from "./error.ts";
import { formatValue } from "./issue.ts";
import { findMember, isObject, kindOf, parseJson } from "./json.ts";
import type { Child, LaunchOptions } from "./plugin-process.ts";
import type { Result } from "./result.ts";
import { parseResult } from "./result-json.ts";
import { attachments } from "./schema.ts";
import { DEFAULT_VERSION, type SpecVersion } from "./version.ts";

/** One call of a plugin, checked as far as the protocol defines it. The plugin's own configuration keys are not parsed yet. */
export interface Request {
  readonly command: Command;
  /** CNI_CONTAINERID; "" for GC and STATUS. */
  readonly containerId: string;
  /** CNI_NETNS, a path; may be "" for DEL, GC and STATUS. */
  readonly netns: string;
  /** CNI_IFNAME; "" for GC and STATUS. */
  readonly ifname: string;
  /** CNI_ARGS unparsed, for parseCniArgs. */
  readonly args: string;
  /** The folders of CNI_PATH, without empty ones. */
  readonly path: readonly string[];
  /** The configuration's cniVersion, 0.1.0 if there is none. */
  readonly version: SpecVersion;
  /** The configuration's name. */
  readonly network: string;
  /** The configuration as JSON, for parseConfig. */
  readonly config: unknown;
  /** The previous plugin's result, if any. @throws CniError invalidConfig when it is read, if it cannot be parsed */
  readonly prevResult: Result | undefined;
  /** Standard input, unparsed. */
  readonly stdin: Uint8Array;
  readonly environment: Environment;
  /** Writes one line to standard error. */
  readonly log: (line: string) => void;
  /** Serves another plugin in this process if possible; for startDelegate. */
  readonly launchResident?: LaunchResident;
  readonly awaitLock?: AwaitLock;
}

/**
 * Records that a call waits for a lock, `action` in words that follow "Cannot". Call the returned function at the end of the wait, with
 * the error if the lock cannot be had; a second call does nothing. It is absent while nothing is recorded.
 */
export type AwaitLock = (action: string) => (error?: unknown) => void;

/** Serves an executable in this process as if it were started; undefined if it has to be started. */
export type LaunchResident = (executable: string, options: LaunchOptions) => Child | undefined;

/** The part of the configuration that every verb reads. */
export interface Network {
  readonly name: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** Reads the configuration and its name. @throws CniError decodingFailure, or invalidConfig for an invalid name */
export function readNetwork(stdin: Uint8Array): Network {
  const json = decode(stdin) ?? {};
  if (!isObject(json)) throw refusal(`must be an object, found ${kindOf(json)}`);
  const name = findMember(json, "name") ?? "";
  if (typeof name !== "string") throw refusal(`Cannot use name ${formatValue(name)}: must be a string`);
  validateNetworkName(name);
  return { name, json };
}

/** The configuration's cniVersion as written, 0.1.0 if there is none. @throws CniError decodingFailure */
export function readVersion(json: Readonly<Record<string, unknown>>): string {
  const version = findMember(json, "cniVersion") ?? "";
  if (typeof version === "string") return version === "" ? DEFAULT_VERSION : version;
  throw new CniError(
    "decodingFailure",
    `decoding version from network config: Cannot use cniVersion ${formatValue(version)}: must be a string`,
  );
}

/** The parts of a plugin's call, for every verb. */
export interface Call {
  readonly network: Network;
  readonly version: SpecVersion;
  readonly stdin: Uint8Array;
  readonly environment: Environment;
  readonly log: (line: string) => void;
  readonly launchResident?: LaunchResident;
  readonly awaitLock?: AwaitLock;
}

/** Builds a request. prevResult is parsed each time it is read. */
export function createRequest(command: Command, call: Call): Request {
  const { network, version, ...rest } = call;
  const { environment } = rest;
  return {
    command,
    containerId: environment["CNI_CONTAINERID"] ?? "",
    netns: environment["CNI_NETNS"] ?? "",
    ifname: environment["CNI_IFNAME"] ?? "",
    args: environment["CNI_ARGS"] ?? "",
    path: splitPath(environment["CNI_PATH"] ?? ""),
    version,
    network: network.name,
    config: network.json,
    get prevResult() {
      return parsePrevResult(network.json, version);
    },
    ...rest,
  };
}

/** The type of the IPAM plugin, without checking the rest of the configuration. Undefined if there is none or it is not a string. */
export function findIpamType(request: Request): string | undefined {
  const ipam = isObject(request.config) ? findMember(request.config, "ipam") : undefined;
  const type = isObject(ipam) ? findMember(ipam, "type") : undefined;
  return typeof type === "string" && type !== "" ? type : undefined;
}

/**
 * The attachments that GC must keep. Undefined if the key is missing or null: then no attachment is known to be stale. With an empty
 * list, every attachment is stale. SPEC.md, "GC" @throws CniError invalidConfig
 */
export function validAttachments(request: Request): readonly ContainerInterface[] | undefined {
  const valid = parseConfig(attachments, request.config)["cni.dev/valid-attachments"];
  return valid?.map(({ containerID: containerId, ifname, addresses }) => {
    const known = addresses?.flatMap((address) => address ?? []);
    return { containerId, ifname, ...(known !== undefined && { addresses: known }) };
  });
}

/** One interface of a container, as GC's list names it: an attachment without its network. */
export interface ContainerInterface {
  readonly containerId: string;
  readonly ifname: string;
  /**
   * All its addresses, if other plugins may have attached it since these plugins did (extension: only `cnictl clean` tells them). What
   * these plugins made for another address is deleted.
   */
  readonly addresses?: readonly Address[];
}

/** The previous plugin's result, which is required. @throws CniError invalidConfig with `refusal` if there is none */
export function requirePrevResult(request: Request, refusal = "Required prevResult missing"): Result {
  const { prevResult } = request;
  if (prevResult === undefined) throw new CniError("invalidConfig", refusal);
  return prevResult;
}

/** The previous plugin's result for DEL, which works without it. Undefined if there is none or it cannot be parsed. */
export function findPrevResult(request: Pick<Request, "prevResult">): Result | undefined {
  try {
    return request.prevResult;
  } catch (error) {
    if (error instanceof CniError) return undefined;
    throw error;
  }
}

/** The folders of a CNI_PATH without empty parts: a plugin that runs as root must not search its working directory. */
function splitPath(path: string): readonly string[] {
  return path.split(":").filter((folder) => folder !== "");
}

function parsePrevResult(json: Readonly<Record<string, unknown>>, version: SpecVersion): Result | undefined {
  const prevResult = findMember(json, "prevResult");
  if (prevResult === undefined) return undefined;
  try {
    return parseResult(prevResult, version);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw new CniError("invalidConfig", `could not parse prevResult: ${error.message}`, { cause: error });
  }
}

function decode(stdin: Uint8Array): unknown {
  const parse = () => parseJson(stdin);
  return translating([SyntaxError], parse, ({ message }) => refusal(message));
}

function refusal(reason: string): CniError {
  return new CniError("decodingFailure", `error unmarshall network config: ${reason}`);
}
