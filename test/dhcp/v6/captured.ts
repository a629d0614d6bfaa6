import { decodeMessage } from "../../../src/dhcp/v6/message.ts";
import { capturedBytes } from "../captured.ts";

/** The number of the interface (IAID) in the captures. */
export const IAID = 5;

/** What dhclient sent and dnsmasq answered: "solicit", "advertise", "request", "reply", "release", "release-reply". */
export function captured6(message: string): Uint8Array {
  return capturedBytes("dhcp6/dhclient", message);
}

/** The same, decoded. */
export function message6(message: string) {
  return decodeMessage(captured6(message));
}
