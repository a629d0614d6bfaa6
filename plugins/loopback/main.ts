import type { Plugin } from "../../src/cni/plugin.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import { del } from "./del.ts";

export const plugin: Plugin = {
  name: "loopback",
  add: (request) => add(request),
  check: (request) => check(request),
  del: (request) => del(request),
};
