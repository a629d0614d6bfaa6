import type { Json } from "../fuzz/networks.ts";
import { type Chain, chains } from "./chain.ts";
import type { Finding } from "./finding.ts";
import { differencesFrom, kindsOf, takeSnapshot } from "./snapshot.ts";
import { NOBODY, Stage, type Ways } from "./stage.ts";

/**
 * What Docker's default filter keeps from a container, also from one with CAP_NET_ADMIN and CAP_SYS_ADMIN.
 * https://docs.docker.com/engine/security/seccomp/
 */
const REFUSED = [
  ...["acct", "add_key", "clock_settime", "delete_module", "finit_module", "init_module", "ioperm", "iopl", "kcmp"],
  ...[
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "mbind",
    "move_pages",
    "get_mempolicy",
    "set_mempolicy",
    "open_by_handle_at",
  ],
  ...[
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
  ],
  ...[
    "reboot",
    "request_key",
    "settimeofday",
    "swapoff",
    "swapon",
    "sysfs",
    "userfaultfd",
    "ustat",
    "vhangup",
    "chroot",
  ],
];

/** Where the kernel is older than the program, or a filter older than both: what is newer than Linux 4.5. */
const UNKNOWN = ["statx", "close_range", "openat2", "faccessat2", "clone3", "copy_file_range", "pidfd_open"];

/** Filters of system calls, by strace: what it has fail is never executed. */
const FILTERS: Readonly<Record<string, readonly string[]>> = {
  "Docker's filter": [`inject=${optional(REFUSED)}:error=EPERM`],
  "a filter that knows nothing new": [`inject=${optional(UNKNOWN)}:error=ENOSYS`],
};

/** Every chain, whole, under each filter: everything works. */
export function playFilters(): { chains: number; findings: readonly Finding[] } {
  const findings: Finding[] = [];
  let count = 0;
  for (const [filter, faults] of Object.entries(FILTERS))
    for (const chain of chains()) {
      const stage = new Stage(chain, "--part filters");
      stage.clear();
      try {
        playChain(stage, filter, [
          "strace",
          "-f",
          "-qq",
          "-e",
          "signal=none",
          ...faults.flatMap((fault) => ["-e", fault]),
          "-o",
          "/dev/null",
        ]);
      } catch {
        // What did not work is a finding already.
      }
      findings.push(...stage.findings);
      count++;
    }
  return { chains: count, findings };
}

function optional(names: readonly string[]): string {
  return names.map((name) => `?${name}`).join(",");
}

function playChain(stage: Stage, filter: string, wrapper: readonly string[]): void {
  const all = [...stage.chain.plugins.keys()];
  runAll(stage, all);
  const before = takeSnapshot();
  runAll(stage, all, { wrapper });
  const differences = differencesFrom(before);
  if (differences.length > 0)
    stage.find(`${stage.chain.name} under ${filter}: left behind: ${kindsOf(differences)}`, differences.join("\n"));
}

function runAll(stage: Stage, all: readonly number[], ways: Ways = {}): void {
  const prevResult: Json | undefined = stage.attach(undefined, ways).at(-1);
  const known: Chain = stage.chain;
  for (const index of all) stage.succeed(index, "CHECK", { ...ways, prevResult });
  for (const index of [...all].reverse()) stage.succeed(index, "DEL", { ...ways, prevResult });
  if (known.name === "loopback") return;
  for (const index of all) stage.succeed(index, "STATUS", ways);
  for (const index of all) stage.succeed(index, "GC", { ...ways, ...NOBODY });
}
