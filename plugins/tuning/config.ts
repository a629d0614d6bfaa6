import type * as z from "zod/mini";
import { parseMacArg } from "../../src/cni/args.ts";
import { parseConfig } from "../../src/cni/config.ts";
import { isObject } from "../../src/cni/json.ts";
import type { Request } from "../../src/cni/request.ts";
import type { LinkSettings } from "./link-settings.ts";
import { refuseRepeatedKeys } from "./repeated-key.ts";
import * as schema from "./schema.ts";
import { readSysctls, type Sysctl } from "./sysctl-name.ts";

/** Where the reference keeps what it changed. */
const DEFAULT_DATA_DIR = "/run/cni/tuning";

/** The keys that say anything to this plugin, in lower case. */
const KEYS = ["sysctl", "mac", "mtu", "promisc", "allmulti", "txqlen", "datadir", "args", "runtimeconfig"];

/** What is to be set in the container: parameters of the kernel and of the interface, each only where it was asked for. */
export interface TuningConfig {
  readonly sysctls: readonly Sysctl[];
  readonly settings: LinkSettings;
  /** The folder of what ADD found, for DEL to restore. */
  readonly dataDir: string;
}

/**
 * Reads the configuration and CNI_ARGS. What `args.cni` says counts before everything else, then for the MAC `runtimeConfig`
 * and CNI_ARGS. A false `promisc` and a `mtu` of 0 ask for nothing. @throws CniError invalidConfig or invalidEnvironment
 */
export function parseTuningConfig(request: Request): TuningConfig {
  const { args, runtimeConfig, ...own } = readFields(request.config);
  const fromArgs = parseMacArg(request.args);
  const asked = args?.cni ?? {};
  if (own.sysctl !== undefined || asked.sysctl !== undefined) refuseRepeatedKeys(request.stdin);
  const settings = {
    mac: asked.mac ?? runtimeConfig?.mac ?? fromArgs ?? own.mac,
    promisc: (asked.promisc ?? own.promisc) || undefined,
    mtu: (asked.mtu ?? own.mtu) || undefined,
    allmulti: asked.allmulti ?? own.allmulti,
    txQLen: asked.txQLen ?? own.txQLen,
  };
  return {
    sysctls: readSysctls([own.sysctl, asked.sysctl], request.ifname),
    settings,
    dataDir: own.dataDir || DEFAULT_DATA_DIR,
  };
}

/** Of an empty configuration, which most lists have, without the schema: to build it takes a tenth of the whole call. */
function readFields(config: unknown): Partial<z.output<ReturnType<typeof schema.tuning>>> {
  const hasFields = isObject(config) && Object.keys(config).some((key) => KEYS.includes(key.toLowerCase()));
  return hasFields ? parseConfig(schema.tuning, config) : {};
}

/** All that DEL and GC need of the configuration: what else is in it may be wrong by now. @throws CniError invalidConfig */
export function readDataDir(request: Request): string {
  return parseConfig(schema.backups, request.config).dataDir || DEFAULT_DATA_DIR;
}
