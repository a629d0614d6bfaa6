import type { Plugin } from "../../src/cni/plugin.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import { configuration } from "./configuration.ts";
import { del } from "./del.ts";
import { gc } from "./gc.ts";
import { status } from "./status.ts";
import { undo } from "./undo.ts";

export const plugin: Plugin = {
  name: "host-local",
  add: (request) => add(request),
  check: (request) => check(request),
  del: (request) => del(request),
  gc: (request) => gc(request),
  status: (request) => status(request),
  undo: (request, result) => undo(request, result),
  configuration: () => configuration(),
};
