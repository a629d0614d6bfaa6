import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { attach } from "../../src/steps/attachment.ts";
import { makeChild } from "../../src/steps/child-link.ts";
import type { Host } from "../../src/steps/host.ts";
import { findMaster, refuseMtu, refusePort, reportWireless } from "../../src/steps/master.ts";
import { modeNumber, parseMacvlanConfig } from "./config.ts";

/** Gives the container a macvlan on the master. On failure, every change of this call is undone. */
export function add(request: Request, host: Host): Result {
  return attach(request, host, () => {
    const config = parseMacvlanConfig(request);
    const { mode, mac, mtu, bcqueuelen, dns } = config;
    const settings = { mode: modeNumber(mode), queueLength: bcqueuelen === 0 ? undefined : bcqueuelen };
    return {
      dns,
      connect: (container, defer) => {
        const master = findMaster(host, container, config);
        refuseMtu(mtu, master.link);
        refusePort(master);
        if (!config.linkInContainer) reportWireless(master, request.log);
        return makeChild(container, { kind: "macvlan", settings, master, mac, mtu, owner: request }, defer);
      },
    };
  });
}
