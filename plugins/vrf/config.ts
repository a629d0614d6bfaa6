import { parseConfig } from "../../src/cni/config.ts";
import { validateLinkName, validateNewLinkName } from "../../src/cni/environment.ts";
import { CniError } from "../../src/cni/error.ts";
import { isObject } from "../../src/cni/json.ts";
import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import * as schema from "./schema.ts";

/** The configuration of `vrf`. */
export interface VrfConfig {
  /** The name of the VRF, a link in the container. */
  readonly vrfname: string;
  /** RT_TABLE. 0 for the one that the VRF has, or a free one if it is new. */
  readonly table: number;
}

/** Reads the configuration. @throws CniError invalidConfig */
export function parseVrfConfig(request: Request): VrfConfig {
  const { vrfname, table } = parseRequest(schema.vrf, request);
  if (vrfname === "") throw new CniError("invalidConfig", "configuration is expected to have a valid vrf name");
  validateNewLinkName("vrfname", vrfname);
  return { vrfname, table };
}

/** The name of the VRF for DEL, whatever the rest of the configuration is. Undefined if no link can have it. */
export function findVrfName({ config }: Pick<Request, "config">): string | undefined {
  if (!isObject(config)) return undefined;
  const { vrfname } = parseConfig(schema.vrfOfDel, config);
  try {
    validateLinkName("vrfname", vrfname);
    return vrfname;
  } catch (error) {
    if (error instanceof CniError) return undefined;
    throw error;
  }
}
