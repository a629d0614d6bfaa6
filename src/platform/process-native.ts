import { libcTerminal } from "../linux/libc.ts";
import type { HostProcess } from "./process.ts";

const [argv0 = "", ...args] = native.argv;

const host: HostProcess = {
  argv0,
  args,
  executable: () => native.realpath("/proc/self/exe") ?? "",
  directory: () => native.directory() ?? ".",
  environment: native.environment,
  isTerminal: (fd) => libcTerminal().functions.isatty(fd) === 1,
  exit: native.exit,
};

export default host;
