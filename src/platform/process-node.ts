import { isatty } from "node:tty";
import { ifPossible } from "./outcome.ts";
import type { HostProcess } from "./process.ts";

const host: HostProcess = {
  argv0: process.argv0,
  args: process.argv.slice(2),
  executable: () => process.execPath,
  directory,
  environment: () => Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? ""])),
  isTerminal: isatty,
  exit: (code) => process.exit(code),
};

export default host;

function directory(): string {
  return ifPossible(() => process.cwd()) ?? ".";
}
