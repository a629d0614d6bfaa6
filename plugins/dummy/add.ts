import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { attach } from "../../src/steps/attachment.ts";
import { makeChild } from "../../src/steps/child-link.ts";
import type { Host } from "../../src/steps/host.ts";
import { parseDummyConfig } from "./config.ts";

/** Gives the container an interface that leads nowhere. On failure, every change of this call is undone. */
export function add(request: Request, host: Host): Result {
  return attach(request, host, () => {
    const { dns } = parseDummyConfig(request);
    const spec = { kind: "dummy", settings: {}, owner: request } as const;
    return { dns, connect: (container, defer) => makeChild(container, spec, defer) };
  });
}
