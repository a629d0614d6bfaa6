import {
  listIptablesPorts,
  listLegacyPorts,
  listOwnPorts,
  listReferencePorts,
  type PublishedPort,
} from "../../../plugins/portmap/published.ts";
import { type Invocation, IptablesError, invocationFor } from "../../netfilter/iptables/tool.ts";
import { listOwnedPlaces, type OwnedPlace } from "../../netfilter/owner-list.ts";
import { listKind } from "../../netlink/link/list.ts";
import type { Link } from "../../netlink/link/message.ts";
import { type Nfnetlink, openNfnetlink, openRtnetlink } from "../../netlink/socket.ts";
import { LinuxError } from "../../platform/errno.ts";
import { handling } from "../../platform/outcome.ts";
import { isAbsent, readModules } from "../kernel-modules.ts";

/** What the kernel knows of attachments. */
export interface KernelMarks {
  /** The veth links and IFBs of the host. */
  readonly links: readonly Link[];
  /** The owners of elements and rules. */
  readonly places: readonly OwnedPlace[];
  readonly ports: readonly PublishedPort[];
  /** What could not be listed, as messages. */
  readonly problems: readonly string[];
}

/** Lists the kernel's links, elements and port mappings of attachments. It changes nothing and loads no kernel module. */
export function gatherMarks({ launch, environment }: Pick<Invocation, "launch" | "environment">): KernelMarks {
  const problems: string[] = [];
  const attempt = <T>(list: () => readonly T[]): readonly T[] => {
    return handling([LinuxError, IptablesError, RangeError], list, ({ message }) => {
      problems.push(message);
      return [];
    });
  };
  const links = attempt(listLinks);
  const invocation = invocationFor({ environment, launch });
  const legacy = attempt(() => listLegacyPorts(invocation));
  const netlink = openNftables(problems);
  if (netlink === undefined) return { links, places: [], ports: legacy, problems };
  try {
    const places = attempt(() => listOwnedPlaces(netlink));
    const ports = [
      ...attempt(() => listOwnPorts(netlink)),
      ...attempt(() => listReferencePorts(netlink)),
      ...attempt(() => listIptablesPorts(netlink, invocation)),
      ...legacy,
    ];
    return { links, places, ports, problems };
  } finally {
    netlink.close();
  }
}

function listLinks(): readonly Link[] {
  const netlink = openRtnetlink();
  try {
    return (["veth", "ifb"] as const).flatMap((kind) => listKind(netlink, kind));
  } finally {
    netlink.close();
  }
}

/** Undefined if the kernel has no nf_tables, or its module is not loaded. */
function openNftables(problems: string[]): Nfnetlink | undefined {
  // A module that is not loaded has no rules.
  if (isAbsent(readModules(), "nf_tables")) return undefined;
  return handling([LinuxError], openNfnetlink, ({ message }) => {
    problems.push(message);
    return undefined;
  });
}
