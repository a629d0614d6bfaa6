import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Child } from "../../src/netlink/link/child.ts";
import { checkAttachment } from "../../src/steps/attachment.ts";
import type { Host } from "../../src/steps/host.ts";
import { checkParent, findMaster } from "../../src/steps/master.ts";
import { parseVlanConfig, type VlanConfig } from "./config.ts";

/** Compares the container's interface with what ADD set up and reported. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  const kind = "vlan";
  checkAttachment(request, host, {
    kind,
    prepare: () => {
      const config = parseVlanConfig(request);
      return {
        result: requirePrevResult(request, "vlan: Required prevResult missing"),
        compare: (child, container) => [
          ...checkSettings(child, config),
          ...checkParent(child, { config, kind, find: () => findMaster(host, container, config) }),
        ],
      };
    },
  });
}

function checkSettings({ link, settings }: Child<"vlan">, { vlanId, mtu }: VlanConfig): readonly string[] {
  const what = `Interface "${link.name}"`;
  return [
    ...(settings.id === vlanId ? [] : [`${what} is in VLAN ${settings.id}, expected ${vlanId}`]),
    ...(mtu === 0 || mtu === link.mtu ? [] : [`${what} has MTU ${link.mtu}, expected ${mtu}`]),
  ];
}
