import { ERROR_CODES } from "../../src/cni/error.ts";
import { importsOf, PLUGINS, read, SHIPPED } from "../repository/tree.ts";

const HEAD = `# Error codes

Every failure is an error object on standard output, with exit code 1. It has the keys \`code\`, \`msg\` and, if there is more to say, \`details\`. The message says what was done,
to what, what was found, and if possible what to do.

Codes below 100 are the CNI specification's. \`npm run documents\` writes this file from \`src/cni/error.ts\`.

| code | name | from | what it means | what to do |
|---|---|---|---|---|
`;

/** The text of docs/errors.md: a row for each code that these plugins use. */
export function formatErrors(): string {
  const comments = new Map(
    [...read("src/cni/error.ts").matchAll(/\/\*\* (.*) \*\/\n {2}(\w+): \d+,/g)].map(([, text = "", name]) => [
      name,
      text,
    ]),
  );
  const rows = Object.entries(ERROR_CODES).flatMap(([name, code]) => {
    const from = sourcesOf(name);
    const [, meaning = "", remedy = ""] = /^(.*?\.)(?: (?=[A-Z`])(.*))?$/.exec(comments.get(name) ?? "") ?? [];
    return from === undefined ? [] : [`| ${code} | \`${name}\` | ${from} | ${meaning} | ${remedy} |\n`];
  });
  return HEAD + rows.join("");
}

/** Who leaves with a code: the plugins and cnictl, by what they are made of; undefined where nobody does. */
function sourcesOf(name: string): string | undefined {
  const files = SHIPPED.filter((file) => read(file).includes(`"${name}"`));
  if (files.some((file) => file.startsWith("src/cni/"))) return "every plugin";
  const sources = [...PLUGINS.map((plugin) => `plugins/${plugin}/main.ts`), "src/cnictl/main.ts"].filter((main) => {
    const parts = partsOf(main);
    return files.some((file) => parts.has(file));
  });
  return sources.length === 0 ? undefined : sources.map((main) => `\`${main.split("/")[1]}\``).join(", ");
}

/** The files that a program is made of. */
function partsOf(main: string): ReadonlySet<string> {
  const parts = new Set([main]);
  for (const file of parts) for (const name of importsOf(file)) if (SHIPPED.includes(name)) parts.add(name);
  return parts;
}
