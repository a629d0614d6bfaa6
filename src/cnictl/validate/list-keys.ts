import { isObject } from "../../cni/json.ts";
import { findNearest } from "../../cni/nearest.ts";
import { isComment, type PlacedKey } from "../../cni/unknown-key.ts";
import type { Document } from "./document.ts";
import type { Report } from "./finding.ts";

/** The keys of a list. They match in their own spelling only. SPEC.md, "Configuration format" */
const LIST_KEYS = [
  "cniVersion",
  "cniVersions",
  "name",
  "disableCheck",
  "disableGC",
  "loadOnlyInlinedPlugins",
  "plugins",
  "$schema",
];

/** Reports the keys of a list that nobody reads. One that is close to a known key is an error: a setting is lost. */
export function examineListKeys(document: Document, report: Report): void {
  if (!isObject(document.json)) return;
  for (const key of Object.keys(document.json)) {
    if (!LIST_KEYS.includes(key))
      reportUnknown(document, { path: [key], key, near: findNearest(key, LIST_KEYS) }, report);
  }
}

/** Reports a key that no plugin reads. `near` is the key that was probably meant: then a setting is lost, and it is an error. */
export function reportUnknown(
  document: Document,
  { path, key, near }: Pick<PlacedKey, "path" | "key"> & { readonly near: string | undefined },
  report: Report,
): void {
  if (isComment(key)) return;
  const message = `unknown key ${JSON.stringify(key)}`;
  if (near === undefined) report(document, "warning", { path, message: `${message}: no plugin reads it`, atKey: true });
  else report(document, "error", { path, message, hint: `did you mean "${near}"?`, atKey: true });
}
