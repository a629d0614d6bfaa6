import { defineConfig } from "vitest/config";

const unit = ["ip", "cni", "linux", "netlink", "netfilter", "steps", "runtime", "cnictl", "plugins", "repository"];

/** A project's tests; those that need root and a kernel run one file at a time, for they share the machine. */
function project(name: string, include: string[], live: boolean) {
  return {
    test: {
      name,
      include,
      testTimeout: live ? 120_000 : 20_000,
      hookTimeout: 60_000,
      ...(live ? { fileParallelism: false } : {}),
    },
  };
}

export default defineConfig({
  root: `${import.meta.dirname}/..`,
  test: {
    projects: [
      project("unit", [...unit.map((folder) => `test/${folder}/**/*.test.ts`), "test/*.test.ts"], false),
      project("live", ["test/live/**/*.test.ts"], true),
      project("parity", ["test/parity/**/*.test.ts"], true),
      project("clients", ["test/clients/**/*.test.ts"], true),
      // Only test/vm/run.mjs runs these, on a kernel of their own.
      project("vm", ["test/vm/**/*.test.ts"], true),
    ],
  },
});
