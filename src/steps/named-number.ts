import { CniError } from "../cni/error.ts";

/** The kernel's numbers by their names in a configuration. */
export type NamedNumbers<K extends string> = Readonly<Record<K, number>>;

/** The name that a configuration's text is. `refusal` is the error's text without the value. @throws CniError invalidConfig */
export function parseName<K extends string>(refusal: string, table: NamedNumbers<K>, text: string): K {
  const isName = (name: string): name is K => name === text;
  const name = Object.keys(table).find(isName);
  if (name !== undefined) return name;
  const details = `must be ${Object.keys(table).join(", ")}`;
  throw new CniError("invalidConfig", `${refusal}: ${JSON.stringify(text)}`, { details });
}

/** The name of a number that the kernel has, or the number if it has none. */
export function nameOf(table: NamedNumbers<string>, number: number | undefined): string {
  return Object.entries(table).find(([, value]) => value === number)?.[0] ?? `${number}`;
}
