import type { Plugin } from "../../src/cni/plugin.ts";
import type { Host } from "../../src/steps/host.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import { configuration } from "./configuration.ts";
import { del } from "./del.ts";
import { gc } from "./gc.ts";
import { status } from "./status.ts";

export const plugin: Plugin<Host> = {
  name: "vrf",
  versions: ["0.3.1", "0.4.0", "1.0.0", "1.1.0"],
  add: (request, host) => add(request, host),
  check: (request, host) => check(request, host),
  del: (request, host) => del(request, host),
  gc: (request) => gc(request),
  status: (request, host) => status(request, host),
  configuration: () => configuration(),
};
