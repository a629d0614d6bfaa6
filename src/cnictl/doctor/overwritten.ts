import fs from "#fs";
import { holdsText } from "../../netlink/bytes.ts";
import type { Executable } from "../executable.ts";

/** The module of the CNI project's plugins, and its folders of plugins. */
const GO_MODULE = "github.com/containernetworking/plugins/plugins";
const GO_FOLDERS = ["main", "meta", "ipam"];

/** Names of this image that are one file, which is another plugin. */
export interface Overwritten {
  readonly names: readonly Executable[];
  /** The plugin that the file is; undefined if the file does not tell. */
  readonly plugin: string | undefined;
}

/**
 * Finds out whether somebody copied a Go plugin over a name that was a link: then all links are that plugin. A Go program that several
 * names share on purpose, such as that of k3s, is none of the CNI project's plugins, and is not called cnictl.
 */
export function findOverwritten(executables: readonly Executable[]): Overwritten | undefined {
  const groups = Map.groupBy(
    executables.filter(({ isGo }) => isGo),
    ({ identity }) => identity,
  );
  for (const names of groups.values()) {
    const [first] = names;
    if (first === undefined || names.length === 1) continue;
    const plugin = findGoPlugin(first);
    if (plugin !== undefined || names.some(({ name }) => name === "cnictl")) return { names, plugin };
  }
  return undefined;
}

/** The name of a plugin of the CNI project, by the path of its package, which the Go linker writes into each executable. */
function findGoPlugin({ file }: Executable): string | undefined {
  const bytes = fs.readFileSync(file);
  if (!holdsText(bytes, `path\t${GO_MODULE}/`)) return undefined;
  return GO_PLUGINS.find((name) =>
    GO_FOLDERS.some((folder) => holdsText(bytes, `path\t${GO_MODULE}/${folder}/${name}\n`)),
  );
}

/** The plugins of the CNI project for Linux. */
const GO_PLUGINS = [
  "bandwidth",
  "bridge",
  "dhcp",
  "dummy",
  "firewall",
  "host-device",
  "host-local",
  "ipvlan",
  "loopback",
  "macvlan",
  "portmap",
  "ptp",
  "sbr",
  "static",
  "tap",
  "tuning",
  "vlan",
  "vrf",
];
