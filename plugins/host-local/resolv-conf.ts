import { CniError, reasonOf } from "../../src/cni/error.ts";
import type { Dns } from "../../src/cni/result.ts";
import { decode, readFile } from "../../src/linux/bounded-file.ts";

/** Maximum size of such a file, in bytes. */
const MOST = 1 << 20;

/** The DNS settings in a file in resolv.conf(5) format. @throws CniError ioFailure */
export function readResolvConf(path: string): Dns {
  try {
    return parseResolvConf(decode(readFile(path, MOST)));
  } catch (error) {
    throw new CniError("ioFailure", `Cannot read resolvConf "${path}": ${reasonOf(error)}`, {
      details: "set ipam.resolvConf to a file that exists, or leave it out",
      cause: error,
    });
  }
}

/**
 * Parses resolv.conf(5). Several `nameserver`, `search` and `options` lines are added up; of several `domain` lines the last is used.
 * Lines that start with # or ;, and keywords without a value, are ignored.
 */
export function parseResolvConf(text: string): Dns {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => !/^[#;]/.test(line))
    .map((line) => line.split(/\s+/));
  const valuesOf = (keyword: string) => lines.filter(([first, second]) => first === keyword && second !== undefined);
  const nameservers = valuesOf("nameserver").flatMap((fields) => fields.slice(1, 2));
  const domain = valuesOf("domain").at(-1)?.[1];
  const search = valuesOf("search").flatMap((fields) => fields.slice(1));
  const options = valuesOf("options").flatMap((fields) => fields.slice(1));
  return {
    ...(nameservers.length > 0 ? { nameservers } : {}),
    ...(domain === undefined ? {} : { domain }),
    ...(search.length > 0 ? { search } : {}),
    ...(options.length > 0 ? { options } : {}),
  };
}
