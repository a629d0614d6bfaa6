import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import type { Host } from "../../src/steps/host.ts";
import { openPortsBackend } from "./backend.ts";
import { parsePortmapConfig } from "./config.ts";
import { probeRedirects } from "./nftables.ts";

/** The kernel modules that the table's rules need. */
const MODULES = "nft_chain_nat nft_fib_inet nft_nat nft_masq";

/** Whether an ADD could succeed: checks that the host has what mapping the ports needs. @throws CniError unavailable */
export function status(request: Request, host: Host): void {
  const config = parsePortmapConfig(request);
  try {
    const backend = openPortsBackend(host, request, config);
    if (backend.kind === "nftables") probeRedirects(backend.netlink, 2 ** config.markBit);
  } catch (error) {
    if (error instanceof NetlinkError) {
      const details = `load what the kernel lacks, "modprobe -a ${MODULES}", or set backend to "iptables"`;
      throw new CniError("unavailable", error.message, { details, cause: error });
    }
    if (!(error instanceof CniError)) throw error;
    throw new CniError("unavailable", error.message, { details: error.details, cause: error });
  }
}
