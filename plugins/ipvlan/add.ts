import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { attach } from "../../src/steps/attachment.ts";
import { makeChild } from "../../src/steps/child-link.ts";
import type { Host } from "../../src/steps/host.ts";
import { findMaster, refusePort } from "../../src/steps/master.ts";
import { readChain } from "./chain.ts";
import { parseIpvlanConfig, settingsOf } from "./config.ts";
import { refuseOtherSettings } from "./siblings.ts";

/** Gives the container an ipvlan on the master. On failure, every change of this call is undone. */
export function add(request: Request, host: Host): Result {
  return attach(request, host, () => {
    const config = parseIpvlanConfig(request);
    const { master: name, assigned } = readChain(request, config);
    const settings = settingsOf(config);
    return {
      dns: config.dns,
      assigned,
      connect: (container, defer) => {
        const master = findMaster(host, container, { ...config, master: name });
        refusePort(master);
        refuseOtherSettings(host, { master, settings });
        const mtu = Math.max(config.mtu, 0);
        return makeChild(container, { kind: "ipvlan", settings, master, mtu, owner: request }, defer);
      },
    };
  });
}
