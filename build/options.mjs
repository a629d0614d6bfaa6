// The options of a script, and what it says of wrong ones.
import { parseArgs } from "node:util";

/** Reads a script's options, as parseArgs() does. A wrong one ends the process, with the reason and the usage. */
export function readOptions(usage, options) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    if (!String(error.code).startsWith("ERR_PARSE_ARGS_")) throw error;
    return refuse(error.message, usage);
  }
}

/** Ends the process, with the reason and the usage. */
export function refuse(reason, usage) {
  console.error(`${reason}\nusage: ${usage}`);
  process.exit(2);
}
