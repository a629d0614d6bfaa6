import fs from "#fs";
import host from "#process";
import { runWithProcess } from "../cni/process.ts";
import { openNetns } from "../linux/netns.ts";
import { launch } from "../linux/process.ts";
import { LinuxError } from "../platform/errno.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import { clean } from "./clean.ts";
import { runCnictl } from "./command.ts";
import { del } from "./del.ts";
import { doctor } from "./doctor.ts";
import type { Build, Edge } from "./edge.ts";
import { gc } from "./gc.ts";
import { findInside } from "./inspect/inside.ts";
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

/** Runs cnictl with this process's arguments, variables and streams, and ends the process with its code. */
export function runTool(build: Omit<Build, "executable">, image: Pick<Edge, "reapply" | "trace">): never {
  runWithProcess((tool) =>
    runCnictl(
      {
        ...tool,
        terminal: { out: host.isTerminal(1), err: host.isTerminal(2) },
        build: { ...build, executable: "/proc/self/exe" },
        launch,
        ...image,
        isLiving,
        findInside,
      },
      [
        ...[add, check, del, gc, clean, status, list, show, ps, inspect, leases, release, metrics],
        ...[validate, schema, doctor, trace, reapply, install, uninstall, version],
      ],
    ),
  );
}

/** A namespace whose existence cannot be checked counts as existing. */
function isLiving(netns: string): boolean {
  try {
    fs.closeSync(openNetns(netns));
    return true;
  } catch (error) {
    return !(error instanceof LinuxError && ["ENOENT", "ENOTDIR", "EINVAL"].includes(error.code));
  }
}
