/** The flags of "dhcp daemon" and "dhcp renew". */
export interface Flags {
  readonly socketpath: string;
  /** Where the host's root is mounted; "" if it is the root. */
  readonly hostprefix: string;
  /** A file for the process's number; "" for none. */
  readonly pidfile: string;
}

/** What is wrong with the arguments, for whoever wrote them. */
export class FlagError extends Error {}

/** Flags with a value, and those of the Go plugin's daemon that have no effect here: ADD has its own times. */
const WITH_VALUE: readonly string[] = ["socketpath", "hostprefix", "pidfile", "timeout", "resendmax", "resendtimeout"];
const SWITCHES: readonly string[] = ["broadcast"];

/** Go's times, like "10s" or "1m30s". */
const DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$|^0$/;

/** Reads flags as Go does: with one dash or two, a value behind "=" or as the next argument. @throws FlagError */
export function parseFlags(args: readonly string[], defaults: Flags): Flags {
  const values: Record<string, string> = { ...defaults };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, name = "", inline] = /^--?([a-z]+)(?:=(.*))?$/.exec(arg) ?? [];
    if (SWITCHES.includes(name)) continue;
    if (!WITH_VALUE.includes(name)) throw new FlagError(`unknown argument ${JSON.stringify(arg)}`);
    const value = inline ?? rest.shift();
    if (value === undefined) throw new FlagError(`flag needs an argument: -${name}`);
    values[name] = value;
  }
  const { socketpath = "", hostprefix = "", pidfile = "" } = values;
  for (const name of ["timeout", "resendmax", "resendtimeout"]) {
    const value = values[name];
    if (value !== undefined && !DURATION.test(value))
      throw new FlagError(`invalid value ${JSON.stringify(value)} for flag -${name}: must be a time such as 10s`);
  }
  if (pidfile !== "" && !pidfile.startsWith("/"))
    throw new FlagError(`Error writing pidfile ${JSON.stringify(pidfile)}: path not absolute`);
  return { socketpath, hostprefix, pidfile };
}
