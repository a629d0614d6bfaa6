import type { Plugin } from "../../src/cni/plugin.ts";
import type { Host } from "../../src/steps/host.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import { configuration } from "./configuration.ts";
import { del } from "./del.ts";
import { gc } from "./gc.ts";
import { status } from "./status.ts";

export const plugin: Plugin<Host> = {
  name: "static",
  add: (request, host) => add(request, host),
  check: (request) => check(request),
  del: () => del(),
  gc: (request) => gc(request),
  status: (request) => status(request),
  configuration: () => configuration(),
};
