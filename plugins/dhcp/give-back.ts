import { CniError } from "../../src/cni/error.ts";
import { newXid } from "../../src/dhcp/asking.ts";
import { encodeDatagram } from "../../src/dhcp/datagram.ts";
import { release } from "../../src/dhcp/question.ts";
import { release as release6 } from "../../src/dhcp/v6/question.ts";
import { formatAddress, isSameAddress } from "../../src/ip/address.ts";
import { poll } from "../../src/linux/poll.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { logging } from "../../src/steps/logging.ts";
import { readMoment } from "./conversation.ts";
import type { LeaseLink } from "./lease-link.ts";
import type { LeaseRecord4, LeaseRecord6 } from "./lease-record.ts";
import { openWire, type Wire4 } from "./wire.ts";
import { openWire6 } from "./wire6.ts";

/** How long a RELEASE may wait for the MAC of its next hop, in ms: the kernel gives up after three seconds. */
const PATIENCE = 3500;

/** How often to look whether it has left, in ms. */
const LOOK = 2;

/** What a server is told of a lease. */
export type Given =
  | Pick<LeaseRecord4, "family" | "identity" | "lease">
  | Pick<LeaseRecord6, "family" | "identity" | "lease">;

/** Tells the server that its address is free again. What cannot be sent is logged: the server frees the address when its time is over. */
export function giveBack(given: Given, place: LeaseLink, log: (line: string) => void): void {
  if (!place.link.up) return;
  const what = `Cannot give ${formatAddress(given.lease.address)} back to its server`;
  logging([LinuxError, CniError], { log, what }, () => {
    if (given.family === 4) giveBack4(given, place);
    else giveBack6(given, place);
  });
}

/** By UDP from the address, or, where the link no longer has it, in a packet to everyone. No server answers. */
function giveBack4(
  { identity, lease }: Pick<LeaseRecord4, "identity" | "lease">,
  { container, link }: LeaseLink,
): void {
  const moment = readMoment();
  const outgoing = release(identity, newXid(moment, 32), lease);
  const hasAddress = listAddresses(container.netlink, link, 4).some(({ prefix }) =>
    isSameAddress(prefix.address, lease.address),
  );
  const wire = openWire(container, link);
  try {
    if (hasAddress && outgoing.kind === "server") {
      wire.send(outgoing, container);
      awaitSent(wire, moment.now + PATIENCE);
    } else if (outgoing.kind === "server") {
      const packet = encodeDatagram(outgoing.payload, { from: lease.address, to: lease.server });
      wire.send({ kind: "everyone", packet }, container);
    }
  } finally {
    wire.leave();
  }
}

/** To all servers, of which the lease's answers. Nobody waits for it: a lost answer would change nothing. */
function giveBack6({ identity, lease }: Pick<LeaseRecord6, "identity" | "lease">, place: LeaseLink): void {
  const wire = openWire6(place);
  try {
    wire.send(release6(identity, newXid(readMoment(), 24), lease), place.container);
  } finally {
    wire.leave();
  }
}

/** The interface is deleted next: a packet that still waits would be lost with it. */
function awaitSent(wire: Wire4, deadline: number): void {
  while (wire.isSending() && readMoment().now < deadline) poll([], LOOK);
}
