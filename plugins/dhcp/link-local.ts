import { CniError } from "../../src/cni/error.ts";
import { type Address, isLinkLocal } from "../../src/ip/address.ts";
import { waitFor } from "../../src/linux/wait.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import type { LinkAddress } from "../../src/netlink/address/message.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import type { Container } from "../../src/steps/host.ts";
import { attemptSysctl } from "../../src/steps/sysctl.ts";
import type { Defer } from "../../src/steps/undo.ts";

/**
 * Waits at most `timeout` ms until the interface can send from its IPv6 link-local address: about a second after it is set up, while the
 * kernel looks for duplicates. Enables IPv6 on it if it is off. @throws CniError tryAgainLater
 */
export function requireLinkLocal(
  container: Container,
  link: LinkId,
  { timeout, defer }: { timeout: number; defer: Defer },
): void {
  enableIpv6(container, link, defer);
  const isDone = () => listLinkLocal(container, link).some(({ tentative, duplicate }) => !tentative || duplicate);
  waitFor(() => isDone() || undefined, timeout);
  getLinkLocal(container, link);
}

/** The interface's IPv6 link-local address. @throws CniError tryAgainLater if it has none that it can use */
export function getLinkLocal(container: Container, link: LinkId): Address {
  const all = listLinkLocal(container, link);
  const usable = all.find(({ tentative, duplicate }) => !tentative && !duplicate);
  if (usable !== undefined) return usable.prefix.address;
  const message = `Cannot get a DHCPv6 lease for "${link.name}": ${describe(all)}`;
  throw new CniError("tryAgainLater", message, {
    details: "see disable_ipv6, addr_gen_mode and the MTU of the interface, which must be 1280 or more",
  });
}

function describe([first]: readonly LinkAddress[]): string {
  if (first === undefined) return "it has no IPv6 link-local address";
  if (first.duplicate) return "another host has its IPv6 link-local address";
  return "its IPv6 link-local address is still tentative";
}

function listLinkLocal({ netlink }: Container, link: LinkId): readonly LinkAddress[] {
  return listAddresses(netlink, link, 6).filter(({ prefix }) => isLinkLocal(prefix.address));
}

/** Some runtimes turn IPv6 off. An interface plugin turns it on again with the first IPv6 address, which is too late for a question. */
function enableIpv6({ within }: Container, { name }: LinkId, defer: Defer): void {
  const path = `net/ipv6/conf/${name}/disable_ipv6`;
  within((sysctls) => {
    if (sysctls.find(path) !== "1") return;
    defer(() => within((again) => attemptSysctl(() => again.write(path, "1"))));
    attemptSysctl(() => sysctls.write(path, "0"));
  });
}
