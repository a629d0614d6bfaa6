import { decodeMac } from "../ip/mac.ts";
import { randomBytes } from "../linux/random.ts";

/** A name for the host end of a veth: "veth" and 8 random hexadecimal digits. */
export function randomName(): string {
  return `veth${decodeMac(randomBytes(4)).replaceAll(":", "")}`;
}
