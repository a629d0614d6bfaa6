import path from "#path";

/**
 * The plugin name of a path: its last component up to the first dot (a wrapper may call `bridge.real`), or the longest known name at the
 * end of that (`buildkit-cni-bridge` is `bridge`).
 */
export function selectName(called: string, names: readonly string[]): string | undefined {
  const [name = ""] = path.basename(called).split(".");
  if (names.includes(name)) return name;
  const endings = names.filter((each) => name.endsWith(`-${each}`));
  return endings.sort((a, b) => b.length - a.length)[0];
}
