import type { Examination } from "../../../src/cnictl/doctor/examination.ts";
import type { Found } from "../../../src/cnictl/doctor/finding.ts";
import { executableFinder } from "../../../src/cnictl/executable.ts";
import type { KernelModules, ModuleState } from "../../../src/cnictl/kernel-modules.ts";
import { type Network, parseNetwork } from "../../../src/runtime/network.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";

/** A network from its list, in a file of its name. */
export function networkOf(list: Readonly<Record<string, unknown>>): Network & { readonly file: string } {
  const network = parseNetwork(new TextEncoder().encode(JSON.stringify({ cniVersion: "1.1.0", name: "x", ...list })));
  return { ...network, file: `/etc/cni/net.d/${network.name}.conflist` };
}

/** A bridge of a host that forwards, with one subnet for each family. */
export const ROUTED = {
  type: "bridge",
  bridge: "cni0",
  isGateway: true,
  ipMasq: true,
  ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/16" }], [{ subnet: "fd00:88::/64" }]] },
};

/** A kernel without loadable modules, unless its modules are given. */
export function modules(states?: Readonly<Record<string, ModuleState>>, obstacle?: string): KernelModules {
  const otherwise = states === undefined ? "unknown" : "present";
  return {
    release: "6.1.0",
    isModular: states !== undefined,
    obstacle,
    find: (name) => states?.[name] ?? otherwise,
  };
}

/** What checks look at: networks on a kernel in memory. */
export function examinationOf(
  networks: readonly Network[],
  { kernel = new FakeKernel(), ...parts }: Partial<Examination> & { kernel?: FakeKernel } = {},
): Examination {
  const build = { names: ["bridge", "host-local", "cnictl"], plugins: {}, executable: "/none" };
  return {
    edge: { build, environment: { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/none" } },
    runtime: {
      launch: () => {
        throw new Error("nothing runs here");
      },
      path: [],
      environment: {},
      cacheDirectory: "/none",
      log: () => {},
    },
    host: hostOn(kernel),
    modules: modules(),
    directory: "/etc/cni/net.d",
    files: networks.map((network) => ({ file: `/etc/cni/net.d/${network.name}.conflist`, network })),
    networks,
    inventory: () => {
      throw new Error("nobody takes an inventory here");
    },
    isLiving: () => true,
    listInside: () => {
      throw new Error("nobody enters a namespace here");
    },
    findExecutable: executableFinder(),
    isOurs: () => true,
    silent: new Map(),
    lacking: new Map(),
    locked: new Map(),
    ...parts,
  };
}

/** What is not as it should be, in a line each: "error rp_filter: …". */
export function wrong(found: readonly Found[]): readonly string[] {
  return found
    .filter(({ level }) => level !== "ok")
    .map(
      ({ level, subject, message, cure = "" }) => `${level} ${subject}: ${message}${cure === "" ? "" : ` | ${cure}`}`,
    );
}
