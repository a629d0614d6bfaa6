import { decodeMac } from "../ip/mac.ts";
import { randomBytes } from "../linux/random.ts";

/** A name for a link of the host: the kind, by default "veth" for the host end of one, and 8 random hexadecimal digits. */
export function randomName(kind = "veth"): string {
  return `${kind}${decodeMac(randomBytes(4)).replaceAll(":", "")}`;
}
