import { PLUGIN_DIRECTORY } from "./option.ts";

/** The options of a call by name. One that is undefined or false is not given. */
type CallOptions = Readonly<Record<string, string | boolean | undefined>>;

/**
 * A call of cnictl as a hint shows it. A shell can run it as it is printed: values are quoted where that is needed. The default of --dir
 * is left out.
 */
export function formatCall(command: string, options: CallOptions): string {
  const words = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false || (name === "dir" && value === PLUGIN_DIRECTORY)) return [];
    return value === true ? [`--${name}`] : [`--${name}`, quoteWord(value)];
  });
  return `\`${["cnictl", command, ...words].join(" ")}\``;
}

/** Characters on which no shell acts. */
const PLAIN = /^[\w./:@%+=,-]+$/;

/** A text as one word of a shell. */
export function quoteWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
