import { randomBytes } from "../linux/random.ts";

/** A name for the host's end of a veth: "veth" and 8 random hexadecimal digits. */
export function randomName(): string {
  return `veth${Buffer.from(randomBytes(4)).toString("hex")}`;
}
