import { createRequest, type Request } from "../../src/cni/request.ts";
import type { SpecVersion } from "../../src/cni/version.ts";

/** What an ADD is called with besides its configuration. */
interface Options {
  readonly network?: string;
  readonly version?: SpecVersion;
  readonly ifname?: string;
  readonly args?: string;
}

/** An ADD for container c1 with that configuration. */
export function addRequest(json: Readonly<Record<string, unknown>>, options: Options = {}): Request {
  const { network = "net1", version = "1.1.0", ifname = "eth0", args = "" } = options;
  return createRequest("ADD", {
    network: { name: network, json },
    version,
    stdin: Buffer.from(JSON.stringify(json)),
    environment: { CNI_CONTAINERID: "c1", CNI_IFNAME: ifname, CNI_ARGS: args },
    log: () => {},
  });
}
