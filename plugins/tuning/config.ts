import type * as z from "zod/mini";
import { parseMacArg } from "../../src/cni/args.ts";
import { isObject } from "../../src/cni/json.ts";
import { parseForRemoval, parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import type { LinkSettings } from "./link-settings.ts";
import { refuseRepeatedKeys } from "./repeated-key.ts";
import * as schema from "./schema.ts";
import { readSysctls, type Sysctl } from "./sysctl-name.ts";

/** The folder in which the reference saves what it changed. */
const DEFAULT_DATA_DIR = "/run/cni/tuning";

/** The keys of every plugin's configuration that this one does not read. */
const FOREIGN = ["cniVersion", "name", "type", "capabilities", "prevResult"];

/** The sysctls and interface settings to set in the container. Settings that the configuration does not ask for are undefined. */
export interface TuningConfig {
  readonly sysctls: readonly Sysctl[];
  readonly settings: LinkSettings;
  /** The folder for what ADD found, which DEL restores. */
  readonly dataDir: string;
}

/**
 * Reads the configuration and CNI_ARGS. `args.cni` has priority. For the MAC, `runtimeConfig` and then CNI_ARGS follow. `promisc` false
 * and `mtu` 0 are ignored.
 * @throws CniError invalidConfig or invalidEnvironment
 */
export function parseTuningConfig(request: Request): TuningConfig {
  const { args, runtimeConfig, ...own } = readFields(request);
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

/** Reads the fields. Most lists have none; then the schema is not built, which would take a tenth of the whole call. */
function readFields(request: Request): Partial<z.output<ReturnType<typeof schema.tuning>>> {
  const { config } = request;
  const hasFields = isObject(config) && Object.keys(config).some((key) => !FOREIGN.includes(key));
  return hasFields ? parseRequest(schema.tuning, request) : {};
}

/** The only setting that DEL and GC need. The rest of the configuration may be invalid by then. @throws CniError invalidConfig from GC */
export function readDataDir(request: Request): string {
  return parseForRemoval(schema.backups, request)?.dataDir || DEFAULT_DATA_DIR;
}
