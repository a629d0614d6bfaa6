// What a command takes, as data: usage, help, the parser, completion and the man page are made from it.

/**
 * What completion offers for an operand or an option's value: words, or what there is of a kind. "plugin" is a plugin of this image, "name"
 * any name of it.
 */
export type Completion =
  | readonly string[]
  | ("network" | "netns" | "container" | "lease" | "plugin" | "name" | "file" | "folder");

/** An operand: `<name>`. */
export interface Operand {
  readonly name: string;
  readonly required?: boolean;
  /** The last operand may be given any number of times. */
  readonly repeated?: boolean;
  readonly completion?: Completion;
}

/** An option as parseArgs() takes it, with what people read of it. */
export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** The word that stands for the value in usage. Required with "string". */
  readonly value?: string;
  readonly help: string;
  readonly completion?: Completion;
  /** The value is a list, with commas: completion goes on behind each. */
  readonly isList?: boolean;
}

/** Options by name, without dashes. */
export type Options = Readonly<Record<string, Option>>;

/** The default folders of network lists, plugins and results. */
export const NETWORK_DIRECTORY = "/etc/cni/net.d";
export const PLUGIN_DIRECTORY = "/opt/cni/bin";

/** The variables that commands read. */
export const VARIABLES = {
  NETCONFPATH: `directory of network lists (default ${NETWORK_DIRECTORY})`,
  CNI_PATH: `plugin directories, separated by colons (default ${PLUGIN_DIRECTORY}, then cnictl's own)`,
  CNI_ARGS: "KEY=VALUE;KEY=VALUE for the plugins",
  CAP_ARGS: "capability arguments, a JSON object",
  CNI_IFNAME: "as --ifname",
} as const;

export const CACHE_OPTION = {
  type: "string",
  value: "DIR",
  help: "where runtimes keep results (default /var/lib/cni)",
  completion: "folder",
} as const satisfies Option;

/** The options of every command that names a network. */
export const NETWORK_OPTIONS = {
  "cache-dir": CACHE_OPTION,
  json: { type: "boolean", help: "print nothing but JSON, also on a terminal" },
} as const satisfies Options;

/** The options of the commands that only show something. */
export const VIEW_OPTIONS = {
  "cache-dir": CACHE_OPTION,
  json: { type: "boolean", help: "print JSON: full values, times as ISO 8601" },
} as const satisfies Options;

/** The folder of plugins that install and uninstall change. */
export const FOLDER_OPTION = {
  type: "string",
  value: "DIR",
  help: `directory of plugins (default ${PLUGIN_DIRECTORY})`,
  completion: "folder",
} as const satisfies Option;

/** An option without a value. */
export function flag(help: string) {
  return { type: "boolean", help } as const;
}

/** The operands and options of a command in one line: `<network> [<netns>] [-i IFNAME] [--json]`. */
export function formatSynopsis(operands: readonly Operand[], options: Options): string {
  const named = operands.map(({ name, required = false, repeated = false }) => {
    const word = `<${name}>${repeated ? "..." : ""}`;
    return required ? word : `[${word}]`;
  });
  const optional = Object.entries(options).map(([name, { short, value }]) => {
    const word = short === undefined ? `--${name}` : `-${short}`;
    return `[${value === undefined ? word : `${word} ${value}`}]`;
  });
  return [...named, ...optional].join(" ");
}

/** The columns of a help text before what an entry means. */
const INDENT = 23;

/** A line for each option. */
export function formatOptions(options: Options): readonly string[] {
  return Object.entries(options).flatMap(([name, { short, value, help }]) => {
    const word = value === undefined ? `--${name}` : `--${name} ${value}`;
    return formatEntry(`  ${short === undefined ? "   " : `-${short},`} ${word}`, help);
  });
}

/** A line for each variable. */
export function formatVariables(names: readonly (keyof typeof VARIABLES)[]): readonly string[] {
  return names.flatMap((name) => formatEntry(`  ${name}`, VARIABLES[name]));
}

/** A name that is too long has a line of its own. */
function formatEntry(name: string, meaning: string): readonly string[] {
  const fits = name.length + 2 <= INDENT;
  return fits ? [name.padEnd(INDENT) + meaning] : [name, " ".repeat(INDENT) + meaning];
}
