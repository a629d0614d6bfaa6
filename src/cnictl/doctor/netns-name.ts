/** The name of `ip netns` for the path of a namespace; undefined if it has none. ip-netns(8) */
export function findNetnsName(netns: string): string | undefined {
  return /^\/(?:var\/)?run\/netns\/([^/]+)$/.exec(netns)?.[1];
}

/** An attachment and its namespace for people: `c1 eth0 (netns blue)`. */
export function describeAttachment(
  { containerId, ifname }: { readonly containerId: string; readonly ifname: string },
  netns: string,
): string {
  return `${containerId} ${ifname} (netns ${findNetnsName(netns) ?? netns})`;
}
