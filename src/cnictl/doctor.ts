import { formatJson } from "../cni/json.ts";
import { once } from "../platform/once.ts";
import { readNetworks } from "../runtime/load.ts";
import type { Network } from "../runtime/network.ts";
import { withHost } from "../steps/host.ts";
import { defineCommand } from "./command.ts";
import { addressClashCheck } from "./doctor/address-clashes.ts";
import { attachmentCheck } from "./doctor/attachments.ts";
import { portCheck } from "./doctor/bridge-ports.ts";
import { clashCheck } from "./doctor/clashes.ts";
import { type Check, type Examination, runChecks } from "./doctor/examination.ts";
import { executableCheck } from "./doctor/executables.ts";
import { formatFindings } from "./doctor/finding.ts";
import { firewallCheck, forwardCheck } from "./doctor/firewalls.ts";
import { routeCheck } from "./doctor/forwarded-routes.ts";
import { gatewayClashCheck } from "./doctor/gateways.ts";
import { imageCheck } from "./doctor/image-links.ts";
import { kernelCheck } from "./doctor/kernel.ts";
import { leftoverCheck } from "./doctor/leftovers.ts";
import { listCheck } from "./doctor/lists.ts";
import { lockCheck } from "./doctor/locks.ts";
import { ownershipCheck } from "./doctor/ownership.ts";
import { poolCheck } from "./doctor/pools.ts";
import { statusCheck } from "./doctor/readiness.ts";
import { renewalCheck } from "./doctor/renewal.ts";
import { runtimeCheck } from "./doctor/runtime-version.ts";
import { sysctlCheck } from "./doctor/sysctls.ts";
import { unpublishedCheck } from "./doctor/unpublished-ports.ts";
import { wayOutCheck } from "./doctor/ways-out.ts";
import type { Edge } from "./edge.ts";
import { executableFinder } from "./executable.ts";
import { listInsideAddresses } from "./inventory/inside-addresses.ts";
import { takeInventory } from "./inventory/inventory.ts";
import { readModules } from "./kernel-modules.ts";
import { CACHE_OPTION, flag } from "./option.ts";
import { ownPlugins } from "./own-plugins.ts";
import { makeRuntime, networkDirectory } from "./target.ts";

/** In this order, because what is missing decides what can be asked after it. */
const CHECKS: readonly Check[] = [
  listCheck,
  ownershipCheck,
  runtimeCheck,
  kernelCheck,
  executableCheck,
  imageCheck,
  lockCheck,
  statusCheck,
  firewallCheck,
  forwardCheck,
  sysctlCheck,
  routeCheck,
  clashCheck,
  gatewayClashCheck,
  wayOutCheck,
  addressClashCheck,
  poolCheck,
  portCheck,
  renewalCheck,
  attachmentCheck,
  unpublishedCheck,
  leftoverCheck,
];

/** What is printed without findings. */
const NOTHING = `no findings (${new Set(CHECKS.map(({ name }) => name)).size} checks)\n`;

/** `cnictl doctor`: looks at the host and all networks, and says what is wrong and what helps. */
export const doctor = defineCommand({
  name: "doctor",
  summary: "Examines the host and all networks, and names what helps",
  help: [
    "Looks at the kernel, the executables, locks, firewalls, sysctls, addresses, routes, pools and what",
    "containers that are gone have left. Runs STATUS of every network (CNI 1.1.0 and newer), which only",
    "says whether a new container can be attached, and CHECK of every attachment in the result cache whose",
    "namespace exists (CNI 0.4.0 and newer). Each finding has a level: error (containers do not start,",
    "or reach nothing), warning (they may not), note. The exit code is 1 if there is an error. It changes",
    'nothing. If it lacks a right or a tool for a check, it prints a warning, "cannot tell".',
  ],
  operands: [],
  options: {
    verbose: flag("print also what is as it should be"),
    "cache-dir": CACHE_OPTION,
    json: flag("print an array of findings"),
  },
  environment: ["NETCONFPATH", "CNI_PATH"],
  run: (edge, { values }) => {
    const all = withHost((host) => runChecks(examine(edge, { host, cacheDirectory: values["cache-dir"] }), CHECKS));
    const findings = values.verbose ? all : all.filter(({ level }) => level !== "ok");
    edge.writeOut(values.json ? `${formatJson(findings)}\n` : formatFindings(findings) || NOTHING);
    return all.some(({ level }) => level === "error") ? 1 : 0;
  },
});

function examine(
  edge: Edge,
  { host, cacheDirectory }: { host: Examination["host"]; cacheDirectory: string | undefined },
): Examination {
  const directory = networkDirectory(edge);
  const files = [...readNetworks(directory)];
  const networks = new Map<string, Network>();
  for (const entry of files) {
    if ("network" in entry && !networks.has(entry.network.name)) networks.set(entry.network.name, entry.network);
  }
  const runtime = makeRuntime(edge, cacheDirectory);
  const own = once(() => ownPlugins(edge, runtime));
  return {
    edge,
    runtime,
    host,
    modules: readModules(),
    directory,
    files,
    networks: [...networks.values()],
    inventory: once(() => takeInventory(edge, { cacheDirectory })),
    isLiving: edge.isLiving,
    listInside: listInsideAddresses,
    findExecutable: executableFinder(),
    isOurs: (type) => own()(type),
    silent: new Map(),
    lacking: new Map(),
    locked: new Map(),
  };
}
