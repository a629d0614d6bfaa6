import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import { newName } from "./schema.ts";

/** The configuration of the plugin. */
export interface NewNameConfig {
  readonly label: string;
}

/** Reads the configuration; "" means unset. @throws CniError invalidConfig */
export function parseNewNameConfig(request: Request): NewNameConfig {
  const { label } = parseRequest(newName, request);
  return { label: label || "labelled" };
}
