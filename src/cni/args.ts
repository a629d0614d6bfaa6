import { isInterfaceMac, type Mac, parseMac } from "../ip/mac.ts";
import { CniError } from "./error.ts";

/**
 * Reads CNI_ARGS, "K=V;K2=V2". Names are case-sensitive, and the last of several counts. A name that is not in `known` is refused
 * unless IgnoreUnknown is 1 or true. SPEC.md "CNI_ARGS"; the error texts are the reference library's. @throws CniError
 * invalidEnvironment
 */
export function parseCniArgs<Name extends string>(
  text: string,
  known: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const values: Partial<Record<Name, string>> = {};
  const unknown: string[] = [];
  let ignoreUnknown = false;
  for (const pair of text === "" ? [] : text.split(";")) {
    const [key, value, ...rest] = pair.split("=");
    if (value === undefined || rest.length > 0) refuse(`ARGS: invalid pair ${JSON.stringify(pair)}`);
    const name = known.find((candidate) => candidate === key);
    if (key === "IgnoreUnknown") ignoreUnknown = parseBoolean(value, pair);
    else if (name === undefined) unknown.push(JSON.stringify(pair));
    else values[name] = value;
  }
  if (unknown.length > 0 && !ignoreUnknown) refuse(`ARGS: unknown args [${unknown.join(" ")}]`);
  return values;
}

/** The MAC of the key MAC in CNI_ARGS, for a plugin that knows no other key. @throws CniError invalidEnvironment */
export function parseMacArg(text: string): Mac | undefined {
  const value = parseCniArgs(text, ["MAC"]).MAC ?? "";
  const mac = parseMac(value);
  if (value === "" || (mac !== undefined && isInterfaceMac(mac))) return mac;
  const pair = JSON.stringify(`MAC=${value}`);
  const requirement = mac === undefined ? "a hardware address" : "of 6 bytes, not multicast, not zero";
  return refuse(`ARGS: error parsing value of pair ${pair}: must be ${requirement}`);
}

function parseBoolean(value: string, pair: string): boolean {
  const lower = value.toLowerCase();
  if (lower === "1" || lower === "true") return true;
  if (lower === "0" || lower === "false") return false;
  return refuse(
    `ARGS: error parsing value of pair ${JSON.stringify(pair)}: boolean unmarshal error: invalid input ${lower}`,
  );
}

function refuse(message: string): never {
  throw new CniError("invalidEnvironment", message, { details: "in CNI_ARGS" });
}
