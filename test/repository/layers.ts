import { PLUGINS, read } from "./tree.ts";

const PLUGIN_FOLDERS = PLUGINS.map((name) => `plugins/${name}`);

/** Who may import whom. A folder may always import itself. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  "src/platform": [],
  "src/ip": [],
  "src/dhcp": ["src/platform", "src/ip"],
  "src/cni": ["src/platform", "src/ip"],
  "src/linux": ["src/platform"],
  "src/netlink": ["src/platform", "src/ip", "src/linux"],
  "src/netfilter": ["src/platform", "src/ip", "src/linux", "src/netlink"],
  "src/steps": ["src/platform", "src/ip", "src/cni", "src/linux", "src/netlink", "src/netfilter"],
  "src/runtime": ["src/platform", "src/ip", "src/cni", "src/linux", "src/steps"],
  "src/cnictl": [
    "src/platform",
    "src/runtime",
    "src/ip",
    "src/cni",
    "src/linux",
    "src/netlink",
    "src/netfilter",
    "src/steps",
  ],
  "src/image": ["src/platform", "src/cni", "src/cnictl", "src/linux", "src/steps"],
  ...Object.fromEntries(
    PLUGIN_FOLDERS.map((folder) => [
      folder,
      ["src/platform", "src/ip", "src/dhcp", "src/cni", "src/linux", "src/netlink", "src/netfilter", "src/steps"],
    ]),
  ),
};

/** The readers by which the operator's command sees a plugin's own state: a second parser of that state could differ from the plugin's. */
const READERS: readonly string[] = [
  "plugins/dhcp/lease-report.ts",
  "plugins/dhcp/renewal-report.ts",
  "plugins/host-local/lease-index.ts",
  "plugins/host-local/lease-record.ts",
  "plugins/host-local/lease-report.ts",
  "plugins/host-local/pool-report.ts",
  "plugins/host-local/release.ts",
  "plugins/portmap/published.ts",
];

const ABOVE_NETLINK = ["src/netfilter", "src/steps", "src/runtime", "src/cnictl", ...PLUGIN_FOLDERS];

/** What fewer folders, or only some files, may import than the table of layers lets. */
const NARROWED: Readonly<Record<string, readonly string[]>> = {
  "#digest": ABOVE_NETLINK,
  "#fs": [
    "src/cni/process.ts",
    "src/cni/find-plugin.ts",
    "src/linux",
    "src/netlink/socket.ts",
    "src/image/main.ts",
    ...ABOVE_NETLINK,
  ],
  "#path": ["src/cni/image.ts", "src/cni/find-plugin.ts", "src/linux", ...ABOVE_NETLINK],
  "#process": ["src/cni/process.ts", "src/cnictl/main.ts", "src/image/main.ts"],
  // No folder but the platform's own calls C by other names than those of libc.ts.
  "#ffi": ["src/platform/libc.ts"],
  "src/platform/libc.ts": ["src/platform", "src/linux"],
  "#image": ["src/image/main.ts"],
};

/** Packages, and the only folders that need them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "ip-num": ["src/ip"],
  "proper-lockfile": ["plugins/host-local"],
  "@pkgjs/parseargs": ["src/cnictl"],
  "jsonc-parser": ["src/cnictl"],
  leven: ["src/cni"],
  // `npm run documents` makes it.
  "schema/network.json": ["src/cnictl/json-schema.ts"],
  zod: ["src/cni", ...PLUGIN_FOLDERS, "src/runtime", "src/cnictl"],
  // Types alone: @pkgjs/parseargs has those of Node's own.
  "node:util": ["src/cnictl/arguments.ts", "src/cnictl/parseargs.d.ts"],
};

/** The files that Node.js's own modules may be imported by: what is chosen there by a "#" entry of package.json. */
const FOR_NODE = /^src\/platform\/[a-z]+-node\.ts$/;

/** What package.json chooses by a "#" entry. Nobody imports these by their path. */
export const CHOSEN: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries<Record<string, string>>(JSON.parse(read("package.json")).imports).map(([name, paths]) => [
    name,
    Object.values(paths).map((path) => path.replace(/^\.\//, "")),
  ]),
);

/** "src/ip" of "src/ip/address.ts": the first two names. */
export function layerOf(file: string): string {
  return file.split("/").slice(0, 2).join("/");
}

/** The imports of a file, as importsOf() gives them, that the rule does not allow. */
export function findForbidden(file: string, imports: readonly string[]): readonly string[] {
  return imports.filter((name) => !mayImport(file, name));
}

function mayImport(file: string, name: string): boolean {
  const narrowed = NARROWED[name];
  if (narrowed !== undefined && !isIn(file, narrowed)) return false;
  if (name === "#image") return true;
  if (name.startsWith("#")) return (CHOSEN[name] ?? []).some((target) => mayReach(file, target));
  if (/^(src|plugins|test)\//.test(name)) return mayReach(file, name) && !isChosenElsewhere(file, name);
  if (name.startsWith("node:") && FOR_NODE.test(file)) return true;
  return Object.entries(PACKAGES).some(
    ([known, folders]) => (name === known || name.startsWith(`${known}/`)) && isIn(file, folders),
  );
}

/** Whether one of these is the file, or its folder. */
function isIn(file: string, places: readonly string[]): boolean {
  return places.some((place) => file === place || layerOf(file) === place);
}

function mayReach(file: string, target: string): boolean {
  const layer = layerOf(file);
  if (layer === "src/cnictl" && READERS.includes(target)) return true;
  return [layer, ...(LAYERS[layer] ?? [])].includes(layerOf(target));
}

function isChosenElsewhere(file: string, target: string): boolean {
  return layerOf(file) !== "src/platform" && Object.values(CHOSEN).flat().includes(target);
}
