import type { Plugin } from "../../src/cni/plugin.ts";
import type { Host } from "../../src/steps/host.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import { configuration } from "./configuration.ts";
import { daemon } from "./daemon.ts";
import { del } from "./del.ts";
import { gc } from "./gc.ts";
import { renew } from "./renew.ts";
import { status } from "./status.ts";

export const plugin: Plugin<Host> = {
  name: "dhcp",
  add: (request, host) => add(request, host),
  check: (request, host) => check(request, host),
  del: (request, host) => del(request, host),
  gc: (request, host) => gc(request, host),
  status: (request) => status(request),
  configuration: () => configuration(),
  programs: { daemon: (edge) => daemon(edge), renew: (edge) => renew(edge) },
};
