import { encodeDatagram } from "../../src/dhcp/datagram.ts";
import { release } from "../../src/dhcp/question.ts";
import { formatAddress, isSameAddress } from "../../src/ip/address.ts";
import { poll } from "../../src/linux/poll.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import type { Container } from "../../src/steps/host.ts";
import { readMoment } from "./acquire.ts";
import type { LeaseRecord } from "./lease-file.ts";
import { openWire, type Wire } from "./wire.ts";

/** How long a RELEASE may wait for the MAC of its next hop, in ms: the kernel gives up after three seconds. */
const PATIENCE = 3500;

/** How often to look whether it has left, in ms. */
const LOOK = 2;

/**
 * Tells the server that its address is free again: by UDP from the address, or, where the link no longer has it, in a packet to
 * everyone. No server answers. What cannot be sent is logged: the server frees the address when its time is over.
 */
export function giveBack(
  { identity, lease }: Pick<LeaseRecord, "identity" | "lease">,
  { container, link, log }: { container: Container; link: Link; log: (line: string) => void },
): void {
  if (!link.up) return;
  try {
    const { now, random } = readMoment();
    const outgoing = release(identity, Math.floor(random() * 2 ** 32), lease);
    const hasAddress = listAddresses(container.netlink, link, 4).some(({ prefix }) =>
      isSameAddress(prefix.address, lease.address),
    );
    const wire = openWire(container, link);
    try {
      if (hasAddress && outgoing.kind === "server") {
        wire.send(outgoing, container);
        awaitSent(wire, now + PATIENCE);
      } else if (outgoing.kind === "server") {
        const packet = encodeDatagram(outgoing.payload, { from: lease.address, to: lease.server });
        wire.send({ kind: "everyone", packet }, container);
      }
    } finally {
      wire.close();
    }
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    log(`Cannot give ${formatAddress(lease.address)} back to ${formatAddress(lease.server)}: ${error.message}`);
  }
}

/** The interface is deleted next: a packet that still waits would be lost with it. */
function awaitSent(wire: Wire, deadline: number): void {
  while (wire.isSending() && readMoment().now < deadline) poll([], LOOK);
}
