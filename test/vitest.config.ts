import fs from "node:fs";
import path from "node:path";
import { defineConfig } from "vitest/config";

const root = path.join(import.meta.dirname, "..");

const unit = [
  "ip",
  "dhcp",
  "cni",
  "linux",
  "netlink",
  "netfilter",
  "kernel",
  "steps",
  "runtime",
  "cnictl",
  "image",
  "plugins",
  "repository",
  "bench",
  "fuzz",
  "faults",
  "leases",
  "mutants",
];

/** They make every document anew, and have groff and mandoc read the man pages. */
const documents = "test/repository/documents.test.ts";

/** Tests without root and without a kernel. */
export const units = fs
  .globSync([...unit.map((folder) => `test/${folder}/**/*.test.ts`), "test/*.test.ts"], { cwd: root })
  .filter((file) => file !== documents);

/** Tests that replace modules: each file needs modules of its own. */
const mocked = units.filter((file) => fs.readFileSync(path.join(root, file), "utf8").includes("vi.mock("));

/** A project's tests: those that need the kernel take longer, and those that compare or measure run one file at a time. */
function project(
  name: string,
  include: string[],
  options: { needsKernel: boolean; alone?: boolean; isolate?: boolean },
) {
  const { needsKernel, alone = false, isolate = true } = options;
  const testTimeout = needsKernel ? 180_000 : 60_000;
  const setupFiles = needsKernel ? ["test/failed-calls.ts"] : [];
  const rest = { setupFiles, isolate, testTimeout, hookTimeout: 60_000, ...(alone && { fileParallelism: false }) };
  return { test: { name, include, ...rest } };
}

export default defineConfig({
  root,
  test: {
    // Each live test has namespaces of its own, and many wait for a deadline: two at a time take half as long.
    maxWorkers: 2,
    projects: [
      // To load the modules anew for each file takes longer than the tests.
      project(
        "unit",
        units.filter((file) => !mocked.includes(file)),
        { needsKernel: false, isolate: false },
      ),
      project("mocked", mocked, { needsKernel: false }),
      // They build, compile C or run the tools of the tree.
      project("build", ["test/platform/**/*.test.ts", "test/build/**/*.test.ts", documents], { needsKernel: false }),
      project("live", ["test/live/**/*.test.ts"], { needsKernel: true }),
      project("parity", ["test/parity/**/*.test.ts"], { needsKernel: true }),
      project("clients", ["test/clients/*.test.ts"], { needsKernel: true, alone: true }),
      // Only `npm run test:clients` runs these, with what it installs for them.
      project("runtimes", ["test/clients/runtimes/*.test.ts"], { needsKernel: true, alone: true }),
      // They have to be built from Go modules, which takes minutes: `npm run test:clients` runs them, and .ci/run does not.
      project("built", ["test/clients/built/*.test.ts"], { needsKernel: true, alone: true }),
      // Whole nodes, built from Go modules for an hour: only `npm run test:cluster` runs these.
      project("cluster", ["test/clients/cluster/*.test.ts"], { needsKernel: true, alone: true }),
      // Only `npm run test:release` runs these.
      project("release", ["test/release/**/*.test.ts"], { needsKernel: true, alone: true }),
      // Only test/vm/run.mjs runs these, on a kernel of their own.
      project("vm", ["test/vm/**/*.test.ts"], { needsKernel: true }),
    ],
  },
});
