import { add } from "./add.ts";
import { check } from "./check.ts";
import { clean } from "./clean.ts";
import type { Command } from "./command.ts";
import { completion } from "./completion/completion.ts";
import { del } from "./del.ts";
import { doctor } from "./doctor.ts";
import { gc } from "./gc.ts";
import { inspect } from "./inspect/inspect.ts";
import { install } from "./install.ts";
import { schema } from "./json-schema.ts";
import { leases } from "./leases.ts";
import { list } from "./list.ts";
import { metrics } from "./metrics/metrics.ts";
import { ps } from "./ps.ts";
import { reapply } from "./reapply.ts";
import { release } from "./release.ts";
import { show } from "./show-network.ts";
import { status } from "./status.ts";
import { trace } from "./trace/trace.ts";
import { uninstall } from "./uninstall.ts";
import { validate } from "./validate.ts";
import { version } from "./version.ts";

/** Every subcommand, in the order of usage. */
export const COMMANDS: readonly Command[] = [
  ...[add, check, del, gc, clean, status, list, show, ps, inspect, leases, release, metrics],
  ...[validate, schema, doctor, trace, reapply, install, uninstall, version, completion],
];
