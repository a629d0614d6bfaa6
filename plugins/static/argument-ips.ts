import { parseCniArgs } from "../../src/cni/args.ts";
import { CniError } from "../../src/cni/error.ts";
import { type Address, parseAddress } from "../../src/ip/address.ts";
import { type Prefix, parsePrefix } from "../../src/ip/prefix.ts";

/** Addresses and gateways of CNI_ARGS. */
export interface ArgumentIps {
  readonly addresses: readonly Prefix[];
  readonly gateways: readonly Address[];
}

/** Reads the lists IP and GATEWAY of CNI_ARGS: "IP=10.10.0.5/24,fd00::5/64;GATEWAY=10.10.0.1". @throws CniError invalidEnvironment */
export function parseArgumentIps(args: string): ArgumentIps {
  const { IP = "", GATEWAY = "" } = parseCniArgs(args, ["IP", "GATEWAY"]);
  return { addresses: split(IP).map(parseIp), gateways: split(GATEWAY).map(parseGateway) };
}

function split(list: string): readonly string[] {
  return list === "" ? [] : list.split(",").map((item) => item.trim());
}

function parseIp(text: string): Prefix {
  return parsePrefix(text) ?? refuse(`the 'ip' field is expected to be in CIDR notation, got: '${text}'`);
}

function parseGateway(text: string): Address {
  return parseAddress(text) ?? refuse(`invalid gateway address: ${text}`);
}

function refuse(message: string): never {
  throw new CniError("invalidEnvironment", message, { details: "in CNI_ARGS" });
}
