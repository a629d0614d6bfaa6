import { fullReasonOf } from "../../cni/error.ts";
import { supportsNftables } from "../../netfilter/nftables/support.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { ERRNO, LinuxError } from "../../platform/errno.ts";
import { handling, ignoring } from "../../platform/outcome.ts";
import type { NetworkFile } from "../../runtime/load.ts";
import type { Network } from "../../runtime/network.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Host } from "../../steps/host.ts";
import { NO_NFTABLES } from "../../steps/netfilter.ts";
import type { Build, Edge } from "../edge.ts";
import type { FindExecutable } from "../executable.ts";
import type { InsideAddresses } from "../inventory/inside-addresses.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { isAbsent, type KernelModules } from "../kernel-modules.ts";
import type { Finding, Found } from "./finding.ts";

/** What the checks look at. */
export interface Examination {
  readonly edge: Pick<Edge, "environment"> & { readonly build: Pick<Build, "names" | "plugins" | "executable"> };
  readonly runtime: Runtime;
  readonly host: Host;
  readonly modules: KernelModules;
  /** The folder of network lists. */
  readonly directory: string;
  readonly files: readonly NetworkFile[];
  /** The networks of these files; of two with one name the first. */
  readonly networks: readonly Network[];
  /** What the machine knows of attachments. It is taken once, when it is first asked for. */
  readonly inventory: () => Inventory;
  /** False if the path is certainly no network namespace any more. */
  readonly isLiving: (netns: string) => boolean;
  /** @throws LinuxError if the namespace cannot be opened */
  readonly listInside: (netns: string) => InsideAddresses;
  readonly findExecutable: FindExecutable;
  /** Whether a call of a plugin runs this image. */
  readonly isOurs: (type: string) => boolean;
  /** Why a plugin is not called any more: it is missing, or it did not answer in time. */
  readonly silent: Map<string, string>;
  /** What helps a network that needs a part which the kernel lacks. */
  readonly lacking: Map<string, string>;
  /** The file of a lock that somebody keeps, and that CHECK of a network's attachments waits for. */
  readonly locked: Map<string, string>;
}

/** One check. It changes nothing. */
export interface Check {
  readonly name: string;
  readonly run: (examination: Examination) => readonly Found[];
}

/** Runs every check. A check that fails becomes a finding, and the others still run. */
export function runChecks(examination: Examination, checks: readonly Check[]): readonly Finding[] {
  return checks.flatMap(({ name, run }) =>
    orCannotTell(name, () => run(examination)).map((found) => ({
      level: found.level,
      check: name,
      subject: found.subject,
      message: found.message,
      cure: found.cure ?? "",
    })),
  );
}

/** What `look` finds; if it fails, the finding that this cannot be told. */
export function orCannotTell(subject: string, look: () => readonly Found[]): readonly Found[] {
  return handling([Error], look, (error) => [cannotTell(subject, error)]);
}

/** The finding that a check of `subject` could not be made. */
function cannotTell(subject: string, error: unknown): Found {
  const reason = fullReasonOf(error);
  const denied = error instanceof LinuxError && [ERRNO.EPERM, ERRNO.EACCES].some((errno) => errno === error.errno);
  const cure = denied || /EPERM|EACCES|permitted|denied/.test(reason) ? "run it as root" : "";
  return { level: "warning", subject, message: `cannot tell: ${reason}`, cure };
}

/**
 * A socket for nf_tables; undefined if the kernel has none, or has not loaded its module yet: then it has no rules. Opening a socket
 * would load the module. @throws LinuxError
 */
export function openRules({ host, modules }: Pick<Examination, "host" | "modules">): Nfnetlink | undefined {
  if (isAbsent(modules, "nf_tables")) return undefined;
  return ignoring(NO_NFTABLES, () => {
    const netlink = host.openNetfilter();
    return supportsNftables(netlink) ? netlink : undefined;
  });
}
