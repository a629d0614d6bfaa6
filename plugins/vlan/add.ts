import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { attach } from "../../src/steps/attachment.ts";
import { makeChild } from "../../src/steps/child-link.ts";
import type { Host } from "../../src/steps/host.ts";
import { findMaster, refuseMtu } from "../../src/steps/master.ts";
import { parseVlanConfig } from "./config.ts";
import { connectShared } from "./shared-vlan.ts";
import { explainTaken } from "./taken.ts";

/** Gives the container a link in a VLAN of the master, or with `shared` a macvlan on such a link. On failure, every change of this call is undone. */
export function add(request: Request, host: Host): Result {
  return attach(request, host, () => {
    const config = parseVlanConfig(request);
    const { vlanId: id, mtu, dns, shared } = config;
    return {
      dns,
      connect: (container, defer) => {
        const master = findMaster(host, container, config);
        refuseMtu(mtu, master.link);
        if (shared) return connectShared(host, container, { vlan: { master, id }, mtu, owner: request }, defer);
        const spec = { kind: "vlan", settings: { id }, master, mtu, owner: request } as const;
        return explainTaken(host, { master, id }, () => makeChild(container, spec, defer));
      },
    };
  });
}
