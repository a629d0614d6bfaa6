import path from "#path";

/**
 * The name under which the image was called: the last path component of argv[0], or the longest known name at its end
 * (`buildkit-cni-bridge` is `bridge`). Where argv[0] says nothing, the executable's own file name decides.
 */
export function selectName(argv0: string, executable: string, names: readonly string[]): string | undefined {
  return matchName(path.basename(argv0), names) ?? matchName(path.basename(executable), names);
}

function matchName(called: string, names: readonly string[]): string | undefined {
  if (names.includes(called)) return called;
  const endings = names.filter((name) => called.endsWith(`-${name}`));
  return endings.sort((a, b) => b.length - a.length)[0];
}
