import { CniError } from "../../src/cni/error.ts";
import { LONGEST_VALUE, OPTION } from "../../src/dhcp/options.ts";

/** Options that have a name, as in the reference. */
const NAMES: Readonly<Record<string, number>> = {
  "dhcp-client-identifier": OPTION.CLIENT_ID,
  "subnet-mask": OPTION.SUBNET_MASK,
  routers: OPTION.ROUTERS,
  "host-name": OPTION.HOST_NAME,
  "user-class": OPTION.USER_CLASS,
  "vendor-class-identifier": OPTION.VENDOR_CLASS,
};

/** The number of an option: by its name, or in decimal. 0 and 255 are no options. @throws CniError invalidConfig */
export function parseOptionName(name: string): number {
  const named = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  const code = named ?? (/^[0-9]+$/.test(name) ? Number(name) : 0);
  if (code > 0 && code < 255) return code;
  const known = Object.keys(NAMES).join(", ");
  throw new CniError("invalidConfig", `Can not parse option ${JSON.stringify(name)}`, {
    details: `must be a number from 1 to 254, or one of ${known}`,
  });
}

/** Options that the client sets itself: what it asks for, and the message's own structure. */
const OWN: readonly number[] = [
  OPTION.REQUESTED_ADDRESS,
  OPTION.OVERLOAD,
  OPTION.MESSAGE_TYPE,
  OPTION.SERVER,
  OPTION.PARAMETERS,
];

/** An option that the client sends, as raw text. @throws CniError invalidConfig */
export function encodeProvided(name: string, value: string): readonly [code: number, value: Uint8Array] {
  const code = parseOptionName(name);
  if (OWN.includes(code))
    throw new CniError("invalidConfig", `Cannot provide option ${JSON.stringify(name)}: the client sets it itself`);
  const bytes = new TextEncoder().encode(value);
  if (bytes.length > LONGEST_VALUE)
    throw new CniError("invalidConfig", `value too long for option ${JSON.stringify(name)}`, {
      details: `${bytes.length} bytes, at most ${LONGEST_VALUE}`,
    });
  return [code, bytes];
}
