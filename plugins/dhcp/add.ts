import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { readBoot } from "../../src/linux/boot-id.ts";
import { openContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { undoOnError } from "../../src/steps/undo.ts";
import { acquireLease } from "./acquire.ts";
import { answerOf, prefixOf } from "./answer.ts";
import { parseDhcp } from "./config.ts";
import { wakeDaemon } from "./daemon-socket.ts";
import { giveBack } from "./give-back.ts";
import { leaseFolder } from "./lease-file.ts";
import { saveLease } from "./lease-store.ts";
import { requireCarrier, requireInterface } from "./link.ts";
import { openWire } from "./wire.ts";

/**
 * Gets a lease for the container's interface from a server on its link, and records it for DEL and for whoever renews it. On failure the
 * lease is given back, and nothing is left.
 */
export function add(request: Request, host: Host): Result {
  const { socket, client, priority, timeout } = parseDhcp(request);
  const deadline = readBootClock() + timeout * 1000;
  const container = openContainer(host, request.netns);
  const link = requireInterface(container, request.ifname);
  return undoOnError(request.log, (defer) => {
    requireCarrier(container, link, { timeout: timeout * 1000, defer });
    const identity = { ...client, mac: link.mac };
    const wire = openWire(container, link);
    try {
      const lease = acquireLease(identity, { wire, container }, { deadline, ifname: request.ifname });
      defer(() => giveBack({ identity, lease }, { container, link, log: request.log }));
      const prefix = prefixOf(lease);
      const { network, containerId, ifname, netns } = request;
      const place = { netns, namespace: container.identify(), boot: readBoot(), index: link.index };
      const rest = { identity, priority, timeout, prefix, lease };
      saveLease(leaseFolder(socket), { network, containerId, ifname, ...place, ...rest });
      wakeDaemon(socket);
      return answerOf(lease, prefix, priority);
    } finally {
      wire.close();
    }
  });
}
