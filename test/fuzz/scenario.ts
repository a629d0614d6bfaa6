import { byteMutations } from "./byte-mutation.ts";
import { mutateJson } from "./json-mutation.ts";
import { CONF_FILES, type Json, type JsonObject, PLUGINS, readList, shortenWaits } from "./networks.ts";
import { Random } from "./random.ts";
import { formatDocument, word } from "./value.ts";

/** One call of an executable, as a runtime makes it. */
export interface Call {
  readonly name: string;
  readonly stdin: string | Uint8Array;
  readonly environment: Readonly<Record<string, string>>;
}

/** A network list and the variables with which it is called, changed in some places. */
export interface Scenario {
  readonly plugins: readonly JsonObject[];
  readonly environment: Readonly<Record<string, string>>;
  /** The changes that were made, each by its number: a finding is smaller where it needs fewer. */
  readonly changes: readonly number[];
}

/** Where a fuzzer's world has the executables, its state, and its container's namespace. */
export const PLACES = {
  bin: "/run/fuzz/bin",
  state: "/var/lib/cni",
  netns: "/run/netns/c1",
} as const;

/** How many changes a scenario has. One that has many is refused at once, as a rule. */
const CHANGES = [0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 6];

/** Makes the scenario of a number; the same each time. `without` leaves changes out. */
export function makeScenario(seed: number, number: number, without: ReadonlySet<number> = new Set()): Scenario {
  const random = new Random(seed, number);
  const list = readList(random.pick(CONF_FILES));
  // GC and STATUS are of this version.
  if (random.chance(0.6)) list["cniVersion"] = "1.1.0";
  const environment: Record<string, string> = {
    CNI_CONTAINERID: `fuzz${number}`,
    CNI_NETNS: PLACES.netns,
    CNI_IFNAME: "eth0",
    CNI_PATH: PLACES.bin,
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  };
  const plugins = list.plugins.map((plugin) => withRuntimeConfig(structuredClone(plugin), list));
  if (random.chance(0.2))
    plugins.push({ cniVersion: list["cniVersion"] ?? "1.1.0", name: list["name"] ?? "n", type: random.pick(PLUGINS) });
  const wanted = Array.from({ length: random.pick(CHANGES) }, (_, i) => i);
  const changes = wanted.filter((change) => !without.has(change));
  for (const change of changes) {
    const own = new Random(seed, number, change);
    if (own.chance(0.2)) mutateEnvironment(own, environment);
    else mutateJson(own, own.pick(plugins));
  }
  shortenWaits(plugins);
  return { plugins, environment, changes };
}

/** What a runtime puts into each plugin's configuration. */
function withRuntimeConfig(plugin: JsonObject, list: JsonObject): JsonObject {
  const { capabilities, ...rest } = plugin;
  const wanted = Object.keys(Object(capabilities)).filter((name) => name in RUNTIME_CONFIG);
  const runtimeConfig = Object.fromEntries(wanted.map((name) => [name, structuredClone(RUNTIME_CONFIG[name] ?? null)]));
  const named = { ...rest, name: list["name"] ?? "n", cniVersion: list["cniVersion"] ?? "1.1.0" };
  return wanted.length === 0 ? named : { ...named, runtimeConfig };
}

const RUNTIME_CONFIG: Readonly<Record<string, Json>> = {
  portMappings: [
    { hostPort: 18_080, containerPort: 80, protocol: "tcp" },
    { hostPort: 18_081, containerPort: 81, protocol: "udp", hostIP: "127.0.0.1" },
  ],
  bandwidth: { ingressRate: 8_000_000, ingressBurst: 800_000, egressRate: 8_000_000, egressBurst: 800_000 },
  mac: "0a:58:0a:01:00:02",
  ips: ["10.88.0.77"],
};

const VALUES: Readonly<Record<string, readonly string[]>> = {
  CNI_NETNS: [
    PLACES.netns,
    "",
    "/proc/self/ns/net",
    "/proc/1/ns/mnt",
    "/dev/null",
    "/nonexistent",
    "/run",
    "relative",
    "/proc/999999/ns/net",
  ],
  CNI_IFNAME: [
    "",
    "eth1",
    "lo",
    "cni0",
    "a23456789012345",
    "a234567890123456",
    "..",
    "a/b",
    "a b",
    "é",
    "eth%d",
    "-a",
    "default",
    "all",
  ],
  CNI_CONTAINERID: ["", "a", "a".repeat(246), "a".repeat(300), ".a", "a/b", "../x", "A_b-c.d", "ü"],
  CNI_ARGS: [
    "",
    "IgnoreUnknown=1;IP=10.88.0.9",
    "IP=10.88.0.9",
    "MAC=0a:58:0a:01:00:09",
    ";",
    "=",
    "a=b=c",
    "IgnoreUnknown=1;K8S_POD_NAME=x",
    "IgnoreUnknown=2",
  ],
  CNI_PATH: ["", "/nonexistent", `/nonexistent:${PLACES.bin}`, ":", "/etc", "relative"],
  CNI_NETNS_OVERRIDE: ["1", "true", "TRUE", "0", ""],
  CNI_COMMAND: ["", "add", "NOPE", " ADD"],
  PATH: ["", "/nonexistent"],
};

function mutateEnvironment(random: Random, environment: Record<string, string>): void {
  const name = random.pick(Object.keys(VALUES));
  if (random.chance(0.1)) delete environment[name];
  else environment[name] = random.chance(0.85) ? random.pick(VALUES[name] ?? []) : word(random).replaceAll("\0", "");
}

/** A call of a verb; text is sent as it is. */
export function callOf(verb: string, config: JsonObject, environment: Scenario["environment"]): Call {
  const type = typeof config["type"] === "string" ? config["type"] : "";
  return {
    name: PLUGINS.includes(type) ? type : (PLUGINS[0] ?? ""),
    stdin: formatDocument(config),
    environment: { CNI_COMMAND: verb, ...environment },
  };
}

/** A call of any plugin and verb, whose standard input may be no JSON at all. */
export function strayCall(random: Random, { plugins, environment }: Scenario): Call {
  const verb = random.pick(["ADD", "CHECK", "DEL", "GC", "STATUS", "VERSION", word(random).replaceAll("\0", "")]);
  const call = callOf(verb, random.pick(plugins), environment);
  const name = random.chance(0.3) ? random.pick(PLUGINS) : call.name;
  return random.chance(0.4) ? { ...call, name, stdin: byteMutations(random, call.stdin) } : { ...call, name };
}
