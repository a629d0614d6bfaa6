import { defineConfig } from "vitest/config";

const unit = [
  "ip",
  "dhcp",
  "cni",
  "linux",
  "platform",
  "netlink",
  "netfilter",
  "kernel",
  "steps",
  "runtime",
  "cnictl",
  "plugins",
  "repository",
  "bench",
  "fuzz",
  "faults",
];

/** A project's tests: those that need the kernel take longer, and those that compare or measure run one file at a time. */
function project(name: string, include: string[], options: { needsKernel: boolean; alone?: boolean }) {
  const { needsKernel, alone = false } = options;
  const testTimeout = needsKernel ? 180_000 : 20_000;
  const setupFiles = needsKernel ? ["test/failed-calls.ts"] : [];
  const rest = { setupFiles, testTimeout, hookTimeout: 60_000, ...(alone && { fileParallelism: false }) };
  return { test: { name, include, ...rest } };
}

export default defineConfig({
  root: `${import.meta.dirname}/..`,
  test: {
    // Each live test has namespaces of its own, and many wait for a deadline: two at a time take half as long.
    maxWorkers: 2,
    projects: [
      project("unit", [...unit.map((folder) => `test/${folder}/**/*.test.ts`), "test/*.test.ts"], {
        needsKernel: false,
      }),
      project("live", ["test/live/**/*.test.ts"], { needsKernel: true }),
      project("parity", ["test/parity/**/*.test.ts"], { needsKernel: true, alone: true }),
      project("clients", ["test/clients/*.test.ts"], { needsKernel: true, alone: true }),
      // Only `npm run test:clients` runs these, with what it installs for them.
      project("runtimes", ["test/clients/runtimes/*.test.ts"], { needsKernel: true, alone: true }),
      // Only test/vm/run.mjs runs these, on a kernel of their own.
      project("vm", ["test/vm/**/*.test.ts"], { needsKernel: true }),
    ],
  },
});
