import fs from "#fs";
import { build, plugins } from "#image";
import host from "#process";
import { selectName } from "../cni/image.ts";
import type { Plugin } from "../cni/plugin.ts";
import { processEdge, runPlugin, runWithProcess } from "../cni/process.ts";
import { reapplyPlugin, withdrawPlugin } from "../cni/reapply.ts";
import type { Reapply, TraceLaunch, Withdraw } from "../cnictl/edge.ts";
import { runTool } from "../cnictl/main.ts";
import { isOwnNetns } from "../linux/own-netns.ts";
import { gatherRules } from "../steps/gathered-host.ts";
import { type Host, withHost } from "../steps/host.ts";
import { observeForLog } from "./observation.ts";
import { traceLaunch } from "./traced-launch.ts";

/** The file that switches the log on. Without it a call costs one look for it. */
const LOG_CONFIG = "/etc/cni/cni-plugins.json";

/** The operator's command, a further name of the image. */
const TOOL = "cnictl";

/** The entry point for native/host.c and node.ts. Runs the plugin or cnictl that the image was called as, and ends the process. */
export function start(): never {
  const names = [...Object.keys(plugins), TOOL];
  const find = (path: string): Plugin<Host> | undefined => plugins[selectName(path, names) ?? ""];
  const name = selectName(host.argv0, names) ?? selectName(host.executable(), names);
  if (name === TOOL) {
    const reapply: Reapply = (type, call, gathering) => {
      const plugin = plugins[type];
      return plugin && reapplyPlugin(plugin, call, (act) => withHost((own) => act(gatherRules(own, gathering))));
    };
    const withdraw: Withdraw = (type, call) => {
      const plugin = plugins[type];
      if (plugin !== undefined) withdrawPlugin(plugin, call, withHost);
    };
    const trace: TraceLaunch = (listener) => traceLaunch({ find, isOwnNetns, log: findLog() }, listener);
    runTool({ ...build, names, plugins }, { reapply, withdraw, trace });
  }
  const plugin = plugins[name ?? ""];
  if (plugin?.programs !== undefined) runProgram(plugin.programs);
  const log = findLog();
  const observation = log === undefined ? { withHost } : observeForLog(log);
  if (plugin !== undefined) runPlugin(plugin, { find, isOwnNetns, ...observation });
  refuse(host.argv0, names);
}

/** Runs the program that the first argument names, and ends the process; returns if it names none. */
function runProgram(programs: NonNullable<Plugin["programs"]>): void {
  const [name = ""] = host.args;
  const program = Object.hasOwn(programs, name) ? programs[name] : undefined;
  if (program !== undefined) runWithProcess(program);
}

function findLog(): string | undefined {
  return fs.existsSync(LOG_CONFIG) ? LOG_CONFIG : undefined;
}

function refuse(argv0: string, names: readonly string[]): never {
  const edge = processEdge();
  edge.writeErr(
    `Cannot tell which plugin to run from the name ${JSON.stringify(argv0)}: must end in one of ${names.join(", ")}\n`,
  );
  host.exit(1);
}
