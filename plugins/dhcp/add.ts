import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { single } from "../../src/ip/prefix.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { readBoot } from "../../src/linux/boot-id.ts";
import { openContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { type Defer, undoOnError } from "../../src/steps/undo.ts";
import { acquireLease } from "./acquire.ts";
import { answerOf, answerOf6, mergeAnswers, prefixOf } from "./answer.ts";
import { type DhcpConfig, parseDhcp } from "./config.ts";
import { wakeDaemon } from "./daemon-socket.ts";
import { giveBack } from "./give-back.ts";
import { identity4 } from "./identity4.ts";
import { identity6 } from "./identity6.ts";
import { askFor4, askFor6 } from "./lease-client.ts";
import { leaseFolder } from "./lease-file.ts";
import type { LeaseLink } from "./lease-link.ts";
import type { LeasePlace, LeaseRecord } from "./lease-record.ts";
import { removeLease, saveLease } from "./lease-store.ts";
import { requireCarrier, requireInterface } from "./link.ts";
import { requireLinkLocal } from "./link-local.ts";

/**
 * Gets a lease of each family for the container's interface from a server on its link, and records it for DEL and for whoever renews it.
 * On failure the leases are given back, and nothing is left.
 */
export function add(request: Request, host: Host): Result {
  const config = parseDhcp(request);
  const { socket, timeout, families } = config;
  const deadline = readBootClock() + timeout * 1000;
  const container = openContainer(host, request.netns);
  const found = requireInterface(container, request.ifname);
  return undoOnError(request.log, (defer) => {
    const link = requireCarrier(container, found, { timeout: timeout * 1000, defer });
    const { network, containerId, ifname, netns } = request;
    const place = { netns, namespace: container.identify(), boot: readBoot(), index: link.index };
    const asking = { request, config, deadline, defer, at: { container, link } };
    const own = { network, containerId, ifname, ...place };
    const leases = families.map((family) => (family === 4 ? lease4(own, asking) : lease6(own, asking)));
    for (const { record } of leases) save(leaseFolder(socket), record, defer);
    wakeDaemon(socket);
    return mergeAnswers(leases.map(({ answer }) => answer));
  });
}

interface Asking {
  readonly request: Request;
  readonly config: DhcpConfig;
  /** In ms of the boot's clock. */
  readonly deadline: number;
  readonly defer: Defer;
  readonly at: LeaseLink;
}

/** A lease to record, and what the runtime is told of it. */
interface Found {
  readonly record: LeaseRecord;
  readonly answer: Result;
}

/** What to look at if nobody answers. */
function advise(server: string, way: string): string {
  return `see whether a ${server} server serves the network of this link, has free addresses, and is reached by ${way}: a switch, a Wi-Fi or a hypervisor may let only one MAC through`;
}

function lease4(own: LeasePlace, { request, config, deadline, defer, at }: Asking): Found {
  const { client, priority, timeout } = config;
  const identity = identity4(client, at.link);
  const what = `a DHCP lease for "${request.ifname}"`;
  const advice = advise("DHCP", "broadcasts");
  const lease = acquireLease(askFor4(identity), at, { deadline, what, advice });
  defer(() => giveBack({ family: 4, identity, lease }, at, request.log));
  const prefix = prefixOf(lease);
  const record = { ...own, family: 4, identity, priority, timeout, prefix, lease } as const;
  return { record, answer: answerOf(lease, prefix, priority) };
}

function lease6(own: LeasePlace, { request, deadline, defer, at }: Asking): Found {
  requireLinkLocal(at.container, at.link, { timeout: deadline - readBootClock(), defer });
  const identity = identity6(request);
  const what = `a DHCPv6 lease for "${request.ifname}"`;
  const advice = advise("DHCPv6", "multicasts");
  const lease = acquireLease(askFor6(identity), at, { deadline, what, advice });
  defer(() => giveBack({ family: 6, identity, lease }, at, request.log));
  const record = { ...own, family: 6, identity, prefix: single(lease.address), lease } as const;
  return { record, answer: answerOf6(lease) };
}

function save(folder: string, record: LeaseRecord, defer: Defer): void {
  const { path } = saveLease(folder, record);
  defer(() => removeLease(folder, path));
}
