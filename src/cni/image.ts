import path from "#path";

/** The name under which a path calls the image: its last component, or the longest known name at its end (`buildkit-cni-bridge` is `bridge`). */
export function selectName(called: string, names: readonly string[]): string | undefined {
  const name = path.basename(called);
  if (names.includes(name)) return name;
  const endings = names.filter((each) => name.endsWith(`-${each}`));
  return endings.sort((a, b) => b.length - a.length)[0];
}
