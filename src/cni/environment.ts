import { CniError } from "./error.ts";

/** The environment of a process. An empty variable counts as absent. */
export type Environment = Readonly<Record<string, string>>;

/** The verbs that act on a network configuration. */
export const COMMANDS = ["ADD", "CHECK", "DEL", "GC", "STATUS"] as const;

/** One of the verbs that act on a network configuration. */
export type Command = (typeof COMMANDS)[number];

/** A CNI_ variable, the verbs that require it, and the rule for its value. SPEC.md, "Parameters" */
interface Variable {
  readonly name: string;
  readonly requiredBy: readonly string[];
  readonly validate?: (value: string, command: string) => void;
}

const ATTACHMENT_COMMANDS = ["ADD", "CHECK", "DEL"];

/** In the order of their checks. */
const VARIABLES: readonly Variable[] = [
  { name: "CNI_CONTAINERID", requiredBy: ATTACHMENT_COMMANDS, validate: validateContainerId },
  { name: "CNI_NETNS", requiredBy: ["ADD", "CHECK"] },
  { name: "CNI_IFNAME", requiredBy: ATTACHMENT_COMMANDS, validate: validateAttachmentIfname },
  { name: "CNI_PATH", requiredBy: COMMANDS },
];

/** The specification's form of a container id and of a network name. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Error messages quote at most this many characters of a name, which may be megabytes long. */
const LONGEST_QUOTE = 256;

/**
 * Characters that an interface name must not contain. They are Go's unicode.IsSpace, which is Unicode's White_Space: unlike \s it has
 * U+0085 and lacks U+FEFF.
 */
const FORBIDDEN = /[/:\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** IFNAMSIZ without the terminating zero, in bytes. <linux/if.h> */
const MAX_IFNAME_LENGTH = 15;

/** ALTIFNAMSIZ without the terminating zero, in bytes: of a link's other names. <linux/if.h> */
const MAX_OTHER_NAME_LENGTH = 127;

/**
 * Checks the variables that the command requires. A malformed variable is refused at once; missing variables are named together. Other
 * commands require none. @throws CniError invalidEnvironment
 */
export function checkEnvironment(command: string, environment: Environment): void {
  const missing: string[] = [];
  for (const { name, requiredBy, validate } of VARIABLES) {
    if (!requiredBy.includes(command)) continue;
    const value = environment[name] ?? "";
    if (value === "") missing.push(name);
    else validate?.(value, command);
  }
  if (missing.length > 0) {
    throw new CniError("invalidEnvironment", `required env variables [${missing.join(",")}] missing`);
  }
}

/** @throws CniError invalidEnvironment unless the id consists of letters, digits, "_", "." and "-" and starts with a letter or digit */
export function validateContainerId(id: string): void {
  if (!NAME.test(id)) throw new CniError("invalidEnvironment", "invalid characters in containerID", { details: id });
}

/** @throws CniError invalidConfig unless there is a name and it consists of the characters of a container id */
export function validateNetworkName(name: string): void {
  if (name === "") throw new CniError("invalidConfig", "missing network name");
  if (!NAME.test(name)) {
    const details = name.length > LONGEST_QUOTE ? `${name.slice(0, LONGEST_QUOTE)}…` : name;
    throw new CniError("invalidConfig", "invalid characters found in network name", { details });
  }
}

/**
 * Refuses what cannot be a name of a link, in a configuration. `what` names it in the message. A link's other names may be longer than its
 * own. The kernel ends a name at NUL, so that would be another link. @throws CniError invalidConfig
 */
export function validateLinkName(what: string, name: string): void {
  const size = new TextEncoder().encode(name).length;
  const isOther = size > MAX_IFNAME_LENGTH && size <= MAX_OTHER_NAME_LENGTH && !name.includes("\0");
  if (!isOther) refuseLinkName(what, name, validateIfname);
}

/** Refuses the name of a link that may have to be created, if the kernel or the protocol does not allow it. @throws CniError invalidConfig */
export function validateNewLinkName(what: string, name: string): void {
  refuseLinkName(what, name, validateNewIfname);
}

function refuseLinkName(what: string, name: string, validate: (name: string) => void): void {
  const refuse = (reason: string): never => {
    throw new CniError("invalidConfig", `Cannot use ${what} ${JSON.stringify(name)}: ${reason}`);
  };
  if (name.includes("\0")) refuse("interface name contains NUL");
  try {
    validate(name);
  } catch (error) {
    if (error instanceof CniError) refuse(error.message);
    throw error;
  }
}

/** DEL accepts what ADD refuses: it has nothing to delete then, and must succeed. */
function validateAttachmentIfname(name: string, command: string): void {
  if (command === "ADD") validateNewIfname(name);
  else validateIfname(name);
}

/**
 * Refuses what would not be the name of a new link: the kernel replaces "%d" by a number (`dev_alloc_name` in net/core/dev.c).
 * @throws CniError invalidEnvironment
 */
function validateNewIfname(name: string): void {
  validateIfname(name);
  if (name.includes("%")) throw new CniError("invalidEnvironment", "interface name contains %");
}

/** @throws CniError invalidEnvironment unless the kernel accepts the name: 1 to 15 bytes, no "/", ":" or white space */
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
