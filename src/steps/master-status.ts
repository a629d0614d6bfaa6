import { CniError } from "../cni/error.ts";
import { supportsKind } from "../netlink/link/support.ts";
import type { Host } from "./host.ts";
import { findMaster, findPortProblem, type MasterConfig, refuseMtu } from "./master.ts";
import { refusalOf } from "./problems.ts";

/** What keeps an ADD from making a link of a kind on the configured master, as sentences. A master in the container cannot be asked for. */
export function examineMaster(
  host: Host,
  { kind, config }: { kind: "macvlan" | "ipvlan" | "vlan"; config: MasterConfig & { readonly mtu: number } },
): readonly string[] {
  return [...examineKind(host, kind), ...(config.linkInContainer ? [] : examineUplink(host, { kind, config }))];
}

/** Says that the kernel has no links of a kind. */
export function examineKind(host: Host, kind: Parameters<typeof supportsKind>[1]): readonly string[] {
  if (supportsKind(host.netlink, kind)) return [];
  const name = kind === "vlan" ? "8021q" : kind;
  return [`The kernel has no links of kind "${kind}": load its module, "modprobe ${name}"`];
}

function examineUplink(
  host: Host,
  { kind, config }: { kind: string; config: MasterConfig & { readonly mtu: number } },
): readonly string[] {
  return refusalOf(() => {
    const master = findMaster(host, undefined, config);
    if (kind !== "ipvlan") refuseMtu(config.mtu, master.link);
    // A VLAN gets its frames before the bridge does.
    const problem = kind === "vlan" ? undefined : findPortProblem(master);
    if (problem !== undefined) throw new CniError("unavailable", problem);
  });
}
