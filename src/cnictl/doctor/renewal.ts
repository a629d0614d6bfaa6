import fs from "#fs";
import { DEFAULT_DHCP_SOCKET, readDhcpSocket } from "../../../plugins/dhcp/lease-report.ts";
import { type RenewalReport, readRenewals } from "../../../plugins/dhcp/renewal-report.ts";
import { listListening } from "../../linux/listening.ts";
import { ipamTypeOf, type Network } from "../../runtime/network.ts";
import { type Check, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";

/** Where systemd keeps that the timer of `dhcp renew` is enabled. */
const TIMER = "/etc/systemd/system/timers.target.wants/cni-dhcp-renew.timer";

/** Whether somebody renews the leases of networks with the IPAM plugin `dhcp`. It connects to no socket: that would start the daemon. */
export const renewalCheck: Check = {
  name: "renewal",
  run: ({ networks }) => {
    const users = new Map<string, string[]>();
    for (const network of networks) {
      for (const socket of socketsOf(network)) users.set(socket, [...(users.get(socket) ?? []), network.name]);
    }
    return [...users].flatMap(([socket, names]) =>
      orCannotTell(names.join(", "), () => {
        const report = readRenewals(socket);
        // A daemon in a container has bound it below another root.
        const isServed = listListening().some((path) => path.endsWith(report.socket));
        return [judgeRenewals(report, { names, isServed, hasTimer: fs.existsSync(TIMER) })];
      }),
    );
  },
};

/** Who may renew the leases of a socket. */
export interface Renewers {
  /** The networks with these leases. */
  readonly names: readonly string[];
  /** Whether a process listens on the socket. */
  readonly isServed: boolean;
  /** Whether the timer is enabled. */
  readonly hasTimer: boolean;
}

/** The finding about the leases of one socket. */
export function judgeRenewals(
  { socket, count, timed, overdue, late }: RenewalReport,
  { names, isServed, hasTimer }: Renewers,
): Found {
  const users = `${names.length === 1 ? "network" : "networks"} ${names.join(", ")}`;
  const found = { subject: socket, message: `leases of ${users} are renewed` };
  if (isServed) {
    if (late === 0) return { ...found, level: "ok" };
    const message = `${late} of ${timed} leases of ${users} are not renewed in time, though a daemon listens`;
    const cure = "see whether it is `dhcp daemon` of this file, and in its log whether a server answers";
    return { ...found, level: "warning", message, cure };
  }
  const cure = `systemctl enable --now cni-dhcp.socket, which is in conf/systemd${ofSocket(socket)}`;
  if (overdue > 0) {
    const message = `${overdue} of ${timed} leases of ${users} are not renewed, and no daemon listens`;
    return { ...found, level: "warning", message, cure };
  }
  if (hasTimer) return { ...found, level: "ok" };
  if (count > 0 && timed === 0) return { ...found, level: "ok", message: `leases of ${users} have no end` };
  const message = `no daemon listens: leases of ${users} end unless their server gives them for ever`;
  return { ...found, level: "note", message, cure };
}

/** The unit has a path of its own. */
function ofSocket(socket: string): string {
  return socket === DEFAULT_DHCP_SOCKET ? "" : `, with ListenStream=${socket}`;
}

/** The sockets of a network's `dhcp` plugins. */
function socketsOf({ plugins }: Network): ReadonlySet<string> {
  return new Set(plugins.filter((plugin) => ipamTypeOf(plugin) === "dhcp").map(({ json }) => readDhcpSocket(json)));
}
