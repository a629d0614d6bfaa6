/** The name of a parameter for sysctl(8). It has "/" where the name of a link has a dot. */
export function nameOf(path: string): string {
  return path.includes(".") ? path : path.replaceAll("/", ".");
}

/** The command that sets a parameter until the next boot. */
export function setting(path: string, value: string): string {
  return `sysctl -w ${nameOf(path)}=${value}`;
}
