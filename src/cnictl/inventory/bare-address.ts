/** The address of a prefix such as "10.88.0.2/16", or an address as it is. */
export function bareAddress(prefix: string): string {
  return prefix.replace(/\/\d+$/, "");
}
