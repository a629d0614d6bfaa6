import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseHostLocal } from "./config.ts";
import { isLegacy, pathOfSet } from "./range-refusal.ts";
import { readResolvConf } from "./resolv-conf.ts";
import { hostLocal } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "ipam", schema: () => hostLocal(), parse };
}

function parse(request: Request): Claims {
  const { sets, resolvConf } = parseHostLocal(request);
  if (resolvConf !== undefined) readResolvConf(resolvConf);
  const ranges = sets.flatMap((set, index) => {
    const path = pathOfSet(request, index);
    return set.map(({ subnet, gateway }, range) => ({
      path: isLegacy(request, index) ? path : [...path, range],
      subnet,
      gateway,
    }));
  });
  return { ranges };
}
