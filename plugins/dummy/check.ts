import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import { checkAttachment } from "../../src/steps/attachment.ts";
import type { Host } from "../../src/steps/host.ts";
import { parseDummyConfig } from "./config.ts";

/** Compares the container's interface with what ADD set up and reported. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  checkAttachment(request, host, {
    kind: "dummy",
    prepare: () => {
      parseDummyConfig(request);
      return { result: requirePrevResult(request, "dummy: Required prevResult missing"), compare: () => [] };
    },
  });
}
