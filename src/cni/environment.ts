import { CniError } from "./error.ts";

/** The environment of a process: absent and empty variables are treated alike. */
export type Environment = Readonly<Record<string, string>>;

/** The verbs that act on a network configuration. */
export const COMMANDS = ["ADD", "CHECK", "DEL", "GC", "STATUS"] as const;

/** One of the verbs that act on a network configuration. */
export type Command = (typeof COMMANDS)[number];

/** A CNI_ variable, the verbs that cannot do without it, and what its value must keep to. SPEC.md, "Parameters" */
interface Variable {
  readonly name: string;
  readonly requiredBy: readonly string[];
  readonly validate?: (value: string) => void;
}

const ATTACHMENT_COMMANDS = ["ADD", "CHECK", "DEL"];

/** In the order in which they are looked at. */
const VARIABLES: readonly Variable[] = [
  { name: "CNI_CONTAINERID", requiredBy: ATTACHMENT_COMMANDS, validate: validateContainerId },
  { name: "CNI_NETNS", requiredBy: ["ADD", "CHECK"] },
  { name: "CNI_IFNAME", requiredBy: ATTACHMENT_COMMANDS, validate: validateIfname },
  { name: "CNI_PATH", requiredBy: COMMANDS },
];

/** What the specification allows in a container id and in a network's name. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** A name that may be megabytes long is quoted up to here. */
const LONGEST_QUOTE = 256;

/** What no interface's name has: Unicode's White_Space is Go's unicode.IsSpace, U+0085 is in it and U+FEFF is not, unlike in \s. */
const FORBIDDEN = /[/:\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** IFNAMSIZ without the terminating zero, in bytes. <linux/if.h> */
const MAX_IFNAME_LENGTH = 15;

/**
 * Checks the variables that the command requires: a malformed one is refused at once, what is missing is named together.
 * Other commands require none. @throws CniError invalidEnvironment
 */
export function checkEnvironment(command: string, environment: Environment): void {
  const missing: string[] = [];
  for (const { name, requiredBy, validate } of VARIABLES) {
    if (!requiredBy.includes(command)) continue;
    const value = environment[name] ?? "";
    if (value === "") missing.push(name);
    else validate?.(value);
  }
  if (missing.length > 0) {
    throw new CniError("invalidEnvironment", `required env variables [${missing.join(",")}] missing`);
  }
}

/** @throws CniError invalidEnvironment unless letters, digits, "_", "." and "-", with a letter or digit first */
export function validateContainerId(id: string): void {
  if (!NAME.test(id)) throw new CniError("invalidEnvironment", "invalid characters in containerID", { details: id });
}

/** @throws CniError invalidConfig unless there is a name and it is made of what a container id is made of */
export function validateNetworkName(name: string): void {
  if (name === "") throw new CniError("invalidConfig", "missing network name");
  if (!NAME.test(name)) {
    const details = name.length > LONGEST_QUOTE ? `${name.slice(0, LONGEST_QUOTE)}…` : name;
    throw new CniError("invalidConfig", "invalid characters found in network name", { details });
  }
}

/** @throws CniError invalidEnvironment unless the kernel would take it: 1 to 15 bytes, no "/", ":" or white space */
export function validateIfname(name: string): void {
  if (name === "") throw new CniError("invalidEnvironment", "interface name is empty");
  if (new TextEncoder().encode(name).length > MAX_IFNAME_LENGTH) {
    throw new CniError("invalidEnvironment", "interface name is too long", {
      details: `interface name should be less than ${MAX_IFNAME_LENGTH + 1} characters`,
    });
  }
  if (name === "." || name === "..") throw new CniError("invalidEnvironment", "interface name is . or ..");
  if (FORBIDDEN.test(name)) {
    throw new CniError("invalidEnvironment", "interface name contains / or : or whitespace characters");
  }
}
