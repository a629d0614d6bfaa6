import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Child } from "../../src/netlink/link/child.ts";
import { checkAttachment } from "../../src/steps/attachment.ts";
import type { Host } from "../../src/steps/host.ts";
import { checkParent, findMaster, refuseMtu } from "../../src/steps/master.ts";
import { type MacvlanConfig, modeName, modeNumber, parseMacvlanConfig } from "./config.ts";

/** Compares the container's interface with what ADD set up and reported. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  const kind = "macvlan";
  checkAttachment(request, host, {
    kind,
    prepare: () => {
      const config = parseMacvlanConfig(request);
      const result = requirePrevResult(request, "required prevResult missing");
      return {
        result,
        compare: (child, container) => {
          const master = findMaster(host, container, config);
          refuseMtu(config.mtu, master.link);
          return [...checkMode(child, config), ...checkParent(child, { config, kind, container, find: () => master })];
        },
      };
    },
  });
}

function checkMode({ settings }: Child<"macvlan">, { mode }: MacvlanConfig): readonly string[] {
  if (settings.mode === modeNumber(mode)) return [];
  return [`container macvlan mode ${modeName(settings.mode)} does not match expected value: ${mode}`];
}
