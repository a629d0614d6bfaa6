import { closeSync } from "node:fs";
import { isatty } from "node:tty";
import { runTool } from "../cni/process.ts";
import { LinuxError } from "../linux/errno.ts";
import { openNetns } from "../linux/netns.ts";
import { launch } from "../linux/process.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import { clean } from "./clean.ts";
import { runCnictl } from "./command.ts";
import { del } from "./del.ts";
import { gc } from "./gc.ts";
import { install } from "./install.ts";
import { status } from "./status.ts";
import { uninstall } from "./uninstall.ts";

/** The image's names and version, put in by the bundler. */
declare const PLUGIN_NAMES: readonly string[];
declare const PACKAGE_VERSION: string;

/** Where it cannot be told whether the namespace is there, it is taken to be. */
function isLiving(netns: string): boolean {
  try {
    closeSync(openNetns(netns));
    return true;
  } catch (error) {
    return !(error instanceof LinuxError && ["ENOENT", "ENOTDIR", "EINVAL"].includes(error.code));
  }
}

runTool((tool) =>
  runCnictl(
    {
      ...tool,
      terminal: { out: isatty(1), err: isatty(2) },
      build: {
        names: typeof PLUGIN_NAMES === "undefined" ? [] : PLUGIN_NAMES,
        version: typeof PACKAGE_VERSION === "undefined" ? "from source" : PACKAGE_VERSION,
        executable: "/proc/self/exe",
      },
      launch,
      isLiving,
    },
    [add, check, del, gc, clean, status, install, uninstall],
  ),
);
