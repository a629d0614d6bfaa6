import { CniError } from "../../src/cni/error.ts";
import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import { type Address, type Family, formatAddress } from "../../src/ip/address.ts";
import { sbr } from "./schema.ts";

/** The configuration of `sbr`. */
export interface SbrConfig {
  /** The table that rules lead to. Undefined if each address gets a free one, with the routes that go with it. */
  readonly table: number | undefined;
  /** The gateway of a family's default routes, in place of the result's. */
  readonly gateways: Readonly<Partial<Record<Family, Address>>>;
  readonly addSourceHints: boolean;
}

/** Reads the configuration. ADD logs fields that have no effect. @throws CniError invalidConfig */
export function parseSbrConfig(request: Request): SbrConfig {
  const { table, gateways: list, addSourceHints } = parseRequest(sbr, request);
  const gateways: Partial<Record<Family, Address>> = {};
  for (const gateway of list.filter((each) => each !== undefined)) {
    const { family } = gateway;
    const other = gateways[family];
    if (other !== undefined) {
      const both = `${formatAddress(other)} and ${formatAddress(gateway)}`;
      throw new CniError("invalidConfig", `gateways list contains multiple IPv${family} addresses: ${both}`);
    }
    gateways[family] = gateway;
  }
  if (request.command === "ADD" && table !== undefined && (list.length > 0 || addSourceHints))
    request.log('"gateways" and "addSourceHints" have no effect with "table": no route is changed then');
  return { table, gateways, addSourceHints };
}
