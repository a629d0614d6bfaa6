import type { Request } from "../cni/request.ts";
import type { IpConfig } from "../cni/result.ts";
import { formatAddress, isSameAddress } from "../ip/address.ts";
import { ERRNO, LinuxError } from "../linux/errno.ts";
import { addMasquerade, deleteMasquerade, findMasquerade } from "../netfilter/masquerade.ts";
import { NETLINK, type Netlink, openNetlink } from "../netlink/socket.ts";
import type { Defer } from "./undo.ts";

/** What a kernel without nf_tables says to whoever asks for it. */
const UNSUPPORTED: readonly number[] = [ERRNO.EPROTONOSUPPORT, ERRNO.EOPNOTSUPP, ERRNO.EINVAL];

/** Masquerades what the attachment's addresses send beyond their own network. Ended again when the call fails. */
export function masquerade(request: Request, ips: readonly IpConfig[], defer: Defer): void {
  const netfilter = openNetfilter();
  const owner = ownerOf(request);
  defer(() => deleteMasquerade(netfilter, owner));
  addMasquerade(netfilter, { owner, prefixes: ips.map(({ address }) => address) });
}

/** Ends it, whatever the addresses were. Nothing there is success, and so is a kernel that cannot have it. */
export function endMasquerade(request: Request): void {
  try {
    deleteMasquerade(openNetfilter(), ownerOf(request));
  } catch (error) {
    if (!(error instanceof LinuxError && UNSUPPORTED.includes(error.errno))) throw error;
  }
}

/** Which of the addresses are not masqueraded although they should be, as sentences. */
export function checkMasquerade(request: Request, ips: readonly IpConfig[]): string[] {
  const present = findMasquerade(openNetfilter(), ownerOf(request));
  const isPresent = ({ address }: IpConfig) => present.some((each) => isSameAddress(each.address, address.address));
  return ips
    .filter((ip) => !isPresent(ip))
    .map(({ address }) => `Address ${formatAddress(address.address)} is not masqueraded`);
}

function openNetfilter(): Netlink {
  return openNetlink({ protocol: NETLINK.NETFILTER });
}

function ownerOf({ network, ifname, containerId }: Request) {
  return { network, ifname, containerId };
}
