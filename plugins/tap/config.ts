import { parseMacArg } from "../../src/cni/args.ts";
import { validateLinkName } from "../../src/cni/environment.ts";
import { CniError } from "../../src/cni/error.ts";
import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Dns } from "../../src/cni/result.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { tap } from "./schema.ts";

/** The configuration of `tap`, with defaults filled in. */
export interface TapConfig {
  readonly multiQueue: boolean;
  /** 0 for the kernel's default. */
  readonly mtu: number;
  readonly mac: Mac | undefined;
  /** Who may use the tap without privileges. */
  readonly owner?: number | undefined;
  readonly group?: number | undefined;
  readonly selinuxContext: string | undefined;
  /** A bridge in the container, whose port the tap becomes. */
  readonly bridge: string | undefined;
  readonly dns?: Dns | undefined;
  /** Type of the IPAM plugin. Undefined for a network without addresses. */
  readonly ipam: string | undefined;
}

/** Reads the configuration and CNI_ARGS. @throws CniError invalidConfig or invalidEnvironment */
export function parseTapConfig(request: Request): TapConfig {
  const { args, runtimeConfig, mac, ipam, bridge, selinuxContext, ...fields } = parseRequest(tap, request);
  const fromArgs = parseMacArg(request.args);
  return {
    ...fields,
    mac: runtimeConfig?.mac ?? args?.cni?.mac ?? fromArgs ?? mac,
    ipam: ipam?.type || undefined,
    bridge: checkBridge(bridge),
    selinuxContext: checkContext(selinuxContext),
  };
}

function checkBridge(bridge: string | undefined): string | undefined {
  if (!bridge) return undefined;
  validateLinkName("bridge", bridge);
  return bridge;
}

/** A context is one line, such as "system_u:system_r:container_t:s0:c1,c2". */
function checkContext(context: string | undefined): string | undefined {
  if (!context) return undefined;
  if (/^[\x21-\x7e]{1,4096}$/.test(context)) return context;
  return invalid(
    `Cannot use selinuxContext ${JSON.stringify(context)}: must be a context such as user:role:type:level`,
  );
}

function invalid(message: string): never {
  throw new CniError("invalidConfig", message);
}
