import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Child } from "../../src/netlink/link/child.ts";
import { checkAttachment } from "../../src/steps/attachment.ts";
import type { Host } from "../../src/steps/host.ts";
import { checkParent, findMaster } from "../../src/steps/master.ts";
import { flagsName, type IpvlanConfig, modeName, parseIpvlanConfig, settingsOf } from "./config.ts";

/** Compares the container's interface with what ADD set up and reported. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  const kind = "ipvlan";
  checkAttachment(request, host, {
    kind,
    prepare: () => {
      const config = parseIpvlanConfig(request);
      return {
        result: requirePrevResult(request),
        compare: (child, container) => [
          ...checkSettings(child, config),
          ...checkParent(child, { config, kind, container, find: () => findMaster(host, container, config) }),
        ],
      };
    },
  });
}

function checkSettings({ settings }: Child<"ipvlan">, config: IpvlanConfig): readonly string[] {
  const { mode, flags } = settingsOf(config);
  const found = { mode: modeName(settings.mode), flags: flagsName(settings.flags ?? 0) };
  return [
    ...(settings.mode === mode
      ? []
      : [`Container IPVlan mode ${found.mode} does not match expected value: ${config.mode}`]),
    ...((settings.flags ?? 0) === flags
      ? []
      : [`Container IPVlan flags ${found.flags} do not match expected value: ${config.flags}`]),
  ];
}
