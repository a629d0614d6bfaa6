import { libcTerminal } from "./libc.ts";
import type { HostProcess } from "./process.ts";

const host: HostProcess = {
  get argv0() {
    return native.argv[0] ?? "";
  },
  get args() {
    return native.argv.slice(1);
  },
  executable: () => native.realpath("/proc/self/exe") ?? "",
  directory: () => native.directory() ?? ".",
  environment: native.environment,
  isTerminal: (fd) => libcTerminal().functions.isatty(fd) === 1,
  exit: native.exit,
};

export default host;
