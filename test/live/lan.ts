import { Lab } from "../lab.ts";

/** A lab whose host is in a network: its link up0 leads to `lan`, a namespace with the network's gateway. */
export class Lan extends Lab {
  readonly lan = this.addNamespace("lan");

  constructor() {
    super();
    this.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "lan0", "netns", this.lan]);
    this.run(["ip", "link", "set", "up0", "up"]);
    this.inLan("ip link set lo up");
    this.inLan("ip address add 10.93.0.1/24 dev lan0");
    this.inLan("ip address add fd00:93::1/64 dev lan0 nodad");
    this.inLan("ip link set lan0 up");
    this.untilLinkIs("lan0", this.lan, ({ operstate }) => operstate === "UP");
  }

  /** Runs a command of words without blanks at the gateway. */
  inLan(command: string): string {
    return this.run(command.split(" "), this.lan);
  }

  /** A link as `ip -details` prints it. */
  link(name: string, netns = this.host) {
    const [found] = this.ip(`-details link show dev ${name}`, netns);
    return Object(found);
  }

  /** The names of a namespace's links, without lo. */
  linkNames(netns = this.host): string[] {
    const names = this.ip("link show", netns).map((link) => String(Object(link).ifname));
    return names.filter((name) => name !== "lo");
  }

  /** Addresses that reach beyond the link. */
  addresses(name: string, netns: string): string[] {
    const [link] = this.ip(`address show dev ${name} scope global`, netns);
    const found: readonly { local?: string; prefixlen: number }[] = Object(link).addr_info ?? [];
    return found.filter(({ local }) => local !== undefined).map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  }

  pings(from: string, address: string): boolean {
    return this.try(["ping", "-n", "-c1", "-W2", address], from).status === 0;
  }

  /** Waits until a link is as it should be, for at most half a minute. */
  untilLinkIs(name: string, netns: string, is: (link: Readonly<Record<string, unknown>>) => boolean): void {
    const deadline = performance.now() + 30_000;
    while (!is(this.link(name, netns)))
      if (performance.now() > deadline) throw new Error(`Link ${name} does not become as expected`);
  }
}
