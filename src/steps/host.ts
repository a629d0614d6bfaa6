import { type Delegation, type DelegationOptions, startDelegate } from "../cni/delegate.ts";
import type { Launch } from "../cni/plugin-process.ts";
import type { Request } from "../cni/request.ts";
import { discard } from "../linux/discard.ts";
import { openNetns, openOwnNetns, withNetns } from "../linux/netns.ts";
import { identifyNetns } from "../linux/netns-identity.ts";
import { launch } from "../linux/process.ts";
import { type Sysctls, sysctls } from "../linux/sysctl.ts";
import { addTap, type NewTap } from "../linux/tun.ts";
import type { Restores } from "../netfilter/iptables/tool.ts";
import { type Netlink, type Nfnetlink, openNfnetlink, openRtnetlink, type Rtnetlink } from "../netlink/socket.ts";
import { findInNamespaces } from "./find-in-namespaces.ts";
import { type LinkUse, withBridges, withDevices, withTables, withVlans } from "./host-lock.ts";

/** A container's network namespace, open, with a socket inside it. */
export interface Container {
  /** CNI_NETNS. */
  readonly path: string;
  /** Descriptor of the namespace. */
  readonly netns: number;
  readonly netlink: Rtnetlink;
  /** Runs `run` inside the namespace with the namespace's kernel parameters. `run` must be synchronous. @throws LinuxError */
  readonly within: <T>(run: (sysctls: Sysctls) => T) => T;
  /** Makes a tap in the namespace, down. @throws LinuxError EBUSY if the name is taken */
  readonly addTap: (tap: NewTap) => void;
  /** A text that is unique to this namespace until the host reboots. @throws LinuxError */
  readonly identify: () => string;
}

/**
 * The parts of the machine that a verb can use: its own network namespace, containers, other plugins, commands and locks. Verbs
 * and steps open nothing themselves, so a test can use a kernel in memory instead. Sockets are opened at their first use.
 */
export interface Host {
  /** An rtnetlink socket in the plugin's own namespace, one for all calls. @throws LinuxError */
  readonly netlink: Rtnetlink;
  /** Kernel parameters of the plugin's own namespace. */
  readonly sysctls: Sysctls;
  /** A second rtnetlink socket. The first one can send nothing while it waits for a link to be deleted. @throws LinuxError */
  readonly openNetlink: () => Rtnetlink;
  /**
   * A socket for nf_tables and conntrack in the plugin's own namespace. @throws LinuxError EPROTONOSUPPORT if the kernel lacks
   * netfilter's netlink
   */
  readonly openNetfilter: () => Nfnetlink;
  /** Opens a container's network namespace. @throws LinuxError */
  readonly openContainer: (path: string) => Container;
  /** A descriptor of the plugin's own network namespace, to move links there. @throws LinuxError */
  readonly openOwnNetns: () => number;
  /**
   * What `find` returns for the first network namespace for which it returns something, asked by a socket in it. Asked are those that
   * are mounted or that a process is in, but the plugin's own. A namespace that cannot be opened is passed over.
   */
  readonly findInNamespaces: <T>(find: (netlink: Rtnetlink) => T | undefined) => T | undefined;
  /** Runs another plugin with this call's input: the IPAM plugin. @throws CniError as startDelegate() */
  readonly delegate: (request: Request, options: DelegationOptions) => Delegation;
  /** Starts a command of iptables or nft. @throws LinuxError */
  readonly launch: Launch;
  /** Holds changes by iptables back. Without it they are applied at once. */
  readonly restores?: Restores | undefined;
  /** Runs `act` while it holds the host's lock on bridges. @throws CniError tryAgainLater */
  readonly withBridges: <T>(use: LinkUse, act: () => T) => T;
  /** Runs `act` while it holds the host's lock on shared links in VLANs. @throws CniError tryAgainLater */
  readonly withVlans: <T>(use: LinkUse, act: () => T) => T;
  /** Runs `act` while it holds the host's lock on devices that containers get and give back. @throws CniError tryAgainLater */
  readonly withDevices: <T>(act: () => T) => T;
  /** Runs `act` while it holds the lock on the choice of routing tables in a container. @throws CniError tryAgainLater, LinuxError */
  readonly withTables: <T>(container: Container, act: () => T) => T;
}

/** Runs a verb with this machine, and closes everything that it opened. `launchPlugin` starts the plugins that it delegates to. */
export function withHost<T>(act: (host: Host) => T, launchPlugin: Launch = launch): T {
  const opened: (() => void)[] = [];
  try {
    return act(openHost(opened, launchPlugin));
  } finally {
    for (const close of opened) close();
  }
}

function openHost(opened: (() => void)[], launchPlugin: Launch): Host {
  const keep = <S extends Netlink>(netlink: S): S => {
    opened.push(netlink.close);
    return netlink;
  };
  let own: Rtnetlink | undefined;
  return {
    get netlink() {
      own ??= keep(openRtnetlink());
      return own;
    },
    sysctls,
    openNetlink: () => keep(openRtnetlink()),
    openNetfilter: () => keep(openNfnetlink()),
    openContainer: (path) => {
      const netns = openNetns(path);
      opened.push(() => discard(netns));
      const netlink = keep(openRtnetlink({ netns }));
      const within = <T>(run: (parameters: Sysctls) => T) => withNetns(netns, () => run(sysctls));
      return {
        path,
        netns,
        netlink,
        within,
        addTap: (tap) => withNetns(netns, () => addTap(tap)),
        identify: () => identifyNetns(netns, netlink.fd),
      };
    },
    openOwnNetns: () => {
      const netns = openOwnNetns();
      opened.push(() => discard(netns));
      return netns;
    },
    findInNamespaces: (find) => findInNamespaces(find),
    delegate: (request, options) => startDelegate(launchPlugin, request, options),
    launch,
    withBridges,
    withVlans,
    withDevices,
    withTables: (container, act) => withTables(container.identify(), act),
  };
}
