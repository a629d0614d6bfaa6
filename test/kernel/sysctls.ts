import type { Sysctls as Parameters } from "../../src/linux/sysctl.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";

/** What a link's parameters are in a new namespace. Documentation/networking/ip-sysctl.rst */
const OF_A_LINK: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ipv4: { arp_notify: "0", forwarding: "0", promote_secondaries: "0", route_localnet: "0", rp_filter: "0" },
  ipv6: {
    accept_dad: "1",
    accept_ra: "1",
    addr_gen_mode: "0",
    disable_ipv6: "0",
    enhanced_dad: "1",
    forwarding: "0",
    keep_addr_on_down: "0",
    ndisc_notify: "0",
  },
};

const REST = { "net/ipv4/ip_forward": "0" } as const;

/** Kernel parameters of one network namespace, by their path below /proc/sys: "net/ipv4/ip_forward". */
export class Sysctls implements Parameters {
  readonly #values = new Map<string, string>(Object.entries(REST));
  /** Paths that cannot be written, as on a read-only /proc/sys. */
  readonly readOnly = new Set<string>();

  constructor() {
    for (const name of ["all", "default"]) this.addLink(name);
  }

  /** The value, without the end of line. @throws LinuxError ENOENT for an unknown one */
  read(path: string): string {
    const value = this.#values.get(path);
    if (value === undefined) throw refuse(`read sysctl ${path}`, ERRNO.ENOENT);
    return value;
  }

  /** The value; undefined for one that is not there. */
  find(path: string): string | undefined {
    return this.#values.get(path);
  }

  /** @throws LinuxError ENOENT for an unknown one, EROFS for one that is read-only, and has another value */
  write(path: string, value: string): void {
    if (this.find(path) !== value) this.writeUnread(path, value);
  }

  /** @throws LinuxError ENOENT for an unknown one, EROFS for one that is read-only */
  writeUnread(path: string, value: string): void {
    const action = `write "${value}" to sysctl ${path}`;
    if (!this.#values.has(path)) throw refuse(action, ERRNO.ENOENT);
    if (this.readOnly.has(path)) throw refuse(action, ERRNO.EROFS);
    this.#values.set(path, value);
    if (path === "net/ipv6/conf/all/forwarding") this.#setEverywhere("ipv6", "forwarding", value);
    if (path === "net/ipv4/ip_forward") this.#setEverywhere("ipv4", "forwarding", value);
  }

  /** Puts one there that this kernel has besides. */
  set(path: string, value: string): void {
    this.#values.set(path, value);
  }

  /** The names in a folder, like "net/ipv6/conf". */
  list(folder: string): readonly string[] {
    const paths = [...this.#values.keys()].filter((path) => path.startsWith(`${folder}/`));
    return [...new Set(paths.map((path) => path.slice(folder.length + 1).split("/")[0] ?? ""))].sort();
  }

  /** A new link has what "default" has. */
  addLink(name: string): void {
    for (const [family, values] of Object.entries(OF_A_LINK)) {
      for (const [key, value] of Object.entries(values)) {
        const inherited = this.#values.get(`net/${family}/conf/default/${key}`);
        this.#values.set(`net/${family}/conf/${name}/${key}`, inherited ?? value);
      }
    }
  }

  deleteLink(name: string): void {
    for (const path of [...this.#values.keys()]) if (isOf(name, path)) this.#values.delete(path);
  }

  renameLink(from: string, to: string): void {
    for (const [path, value] of [...this.#values]) {
      if (!isOf(from, path)) continue;
      this.#values.delete(path);
      this.#values.set(path.replace(`/conf/${from}/`, `/conf/${to}/`), value);
    }
  }

  /** All of them, in order. */
  entries(): readonly (readonly [string, string])[] {
    return [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #setEverywhere(family: string, key: string, value: string): void {
    for (const name of this.list(`net/${family}/conf`)) this.#values.set(`net/${family}/conf/${name}/${key}`, value);
  }
}

function isOf(name: string, path: string): boolean {
  return path.split("/")[2] === "conf" && path.split("/")[3] === name;
}

function refuse(action: string, errno: number): LinuxError {
  return new LinuxError(action, { syscall: "open", errno });
}
