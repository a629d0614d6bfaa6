import type { DhcpLab } from "../live/dhcp.ts";
import { judge } from "./verdict.ts";

/** The time of each lease, in seconds. */
export const SECONDS = 20;

interface Member {
  readonly containerId: string;
  readonly netns: string;
  /** The address that ADD gave. */
  readonly first: string;
}

/** Containers on one bridge, each with a lease. */
export class Crowd {
  readonly #dhcp: DhcpLab;
  readonly #members: readonly Member[];

  /** Adds so many containers to the network. @throws Error if an ADD fails */
  constructor(dhcp: DhcpLab, count: number) {
    this.#dhcp = dhcp;
    this.#members = Array.from({ length: count }, (_, index) => {
      const containerId = `c${index}`;
      const netns = dhcp.lab.addNamespace(containerId);
      const { ips } = JSON.parse(this.#call("ADD", { containerId, netns }));
      return { containerId, netns, first: ips[0].address.split("/")[0] };
    });
  }

  /** What is wrong with the containers now. */
  look(): readonly string[] {
    const files = this.#dhcp.files().length;
    const wrong = this.#members.flatMap(({ containerId, netns, first }) => {
      const addresses = this.#dhcp.addresses(netns);
      const sight = { addresses, leases: this.#dhcp.poolLeases(), now: Date.now() / 1000 };
      return judge(first, sight, SECONDS).map((what) => `${containerId} ${what}`);
    });
    return files === this.#members.length ? wrong : [...wrong, `${files} lease files, must be ${this.#members.length}`];
  }

  /** Deletes all, and says what is left of them. @throws Error if a DEL fails */
  async leave(): Promise<readonly string[]> {
    for (const member of this.#members) this.#call("DEL", member);
    const { lab } = this.#dhcp;
    await this.#dhcp.until("the server has its leases back", () => Object.keys(this.#dhcp.poolLeases()).length === 0);
    const linksOf = (netns: string) => lab.ip("link show", netns).map((link) => String(Object(link).ifname));
    const links = [
      ...linksOf(lab.host).filter((name) => !["lo", "lan0", "up0"].includes(name)),
      ...this.#members.flatMap(({ netns }) => linksOf(netns).filter((name) => name !== "lo")),
    ];
    return [
      ...links.map((name) => `link ${name}`),
      ...this.#dhcp.files().map((name) => `lease file ${name}`),
      ...lab.processes().map((pid) => `process ${pid}`),
    ];
  }

  #call(command: string, { containerId, netns }: Pick<Member, "containerId" | "netns">): string {
    const { lab } = this.#dhcp;
    const { status, stdout, stderr } = lab.plugin("bridge", {
      ...{ command, containerId, netns },
      config: this.#dhcp.network(),
    });
    if (status !== 0 || stderr !== "") throw new Error(`${command} of ${containerId}: ${stdout}${stderr}`);
    return stdout;
  }
}
