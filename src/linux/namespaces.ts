import fs from "#fs";

/** The folder of `ip netns`. ip-netns(8) */
const NAMED = "/run/netns";

/** No host has more. */
const MOST = 10_000;

/**
 * Paths of the network namespaces that can be found: those with a name, and those of processes. Each namespace has one path, and that of
 * this process has none. What cannot be read is left out. namespaces(7)
 */
export function listNetworkNamespaces(): readonly string[] {
  const seen = new Set<string>();
  const own = identify("/proc/self/ns/net");
  if (own !== undefined) seen.add(own);
  const paths = [
    ...list(NAMED).map((name) => `${NAMED}/${name}`),
    ...list("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((process) => `/proc/${process}/ns/net`),
  ];
  const found: string[] = [];
  for (const path of paths) {
    const identity = identify(path);
    if (identity === undefined || seen.has(identity)) continue;
    seen.add(identity);
    found.push(path);
    if (found.length === MOST) break;
  }
  return found;
}

function identify(path: string): string | undefined {
  try {
    const { dev, ino } = fs.statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

function list(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}
