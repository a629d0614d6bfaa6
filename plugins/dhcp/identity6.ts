import { sha512 } from "#digest";
import type { Request } from "../../src/cni/request.ts";
import type { Identity6 } from "../../src/dhcp/v6/question.ts";

/** An identifier that is a UUID. RFC 6355 */
const DUID_UUID = 4;

const UUID_SIZE = 16;

/** The attachment's identifiers: always the same of one attachment, so that a server gives the same address again. */
export function identity6({
  containerId,
  network,
  ifname,
}: Pick<Request, "containerId" | "network" | "ifname">): Identity6 {
  const digest = Uint8Array.fromHex(sha512(`${containerId}/${network}/${ifname}`));
  const uuid = digest.slice(0, UUID_SIZE);
  // Version 8, "custom", and the variant. RFC 9562, 5.8
  uuid[6] = 0x80 | ((uuid[6] ?? 0) & 0x0f);
  uuid[8] = 0x80 | ((uuid[8] ?? 0) & 0x3f);
  const iaid = new DataView(digest.buffer).getUint32(UUID_SIZE);
  return { duid: Uint8Array.of(0, DUID_UUID, ...uuid), iaid };
}
