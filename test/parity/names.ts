import type { NamespaceState } from "./snapshot.ts";

/** A bridge that follows its ports' MACs keeps the link-local address of the MAC that it was made with. */
const EARLIER_LINK_LOCAL = /fe80::(?:[0-9a-f]{1,4}:)?[0-9a-f]{0,2}ff:fe[0-9a-f]{2}:[0-9a-f]{1,4}/g;

/**
 * Names for what is random: MACs, the link-local addresses made from them, host ends of veth pairs, a lab's paths. The same thing
 * keeps its name through a scenario, so a MAC that changes, or one that two links share, still shows.
 */
export class Names {
  readonly #names = new Map<string, string>();
  readonly #kept: readonly string[];

  /** @param kept MACs that the configuration gave and that are compared as they are */
  constructor(paths: Readonly<Record<string, string>>, kept: readonly string[]) {
    for (const [text, name] of Object.entries(paths)) this.#names.set(text, name);
    this.#kept = [...kept, "00:00:00:00:00:00"];
  }

  /** Takes note of a namespace's links, veth pairs first: a bridge that follows a port's MAC then shows the port's name. */
  learn(place: string, state: NamespaceState): void {
    const links = Object.values(state.links).filter((link) => link.ifname !== "lo");
    const isRandom = (name: string) => /^veth[0-9a-f]{6,}$/.test(name);
    for (const link of links.filter(({ ifname }) => isRandom(ifname))) this.#add(link.ifname, `${place}-veth`);
    const veths = links.filter(({ ifname }) => isRandom(ifname));
    for (const link of [...veths, ...links.filter((other) => !veths.includes(other))]) {
      if (link.address === undefined || this.#kept.includes(link.address)) continue;
      const name = `${place}/${this.#names.get(link.ifname) ?? link.ifname}`;
      if (this.#add(link.address, `mac(${name})`)) this.#add(linkLocal(link.address), `link-local(${name})`);
    }
  }

  #add(text: string, name: string): boolean {
    if (this.#names.has(text)) return false;
    const taken = new Set(this.#names.values());
    let numbered = name;
    for (let i = 2; taken.has(numbered); i++) numbered = `${name}#${i}`;
    this.#names.set(text, numbered);
    return true;
  }

  /** A value with every random text in it, also in keys, replaced by its name. */
  replace<T>(value: T): T {
    let text = JSON.stringify(value);
    for (const [random, name] of this.#names) text = text.replaceAll(random, name);
    text = text.replaceAll(EARLIER_LINK_LOCAL, "link-local(earlier MAC)");
    return JSON.parse(text);
  }
}

/** The address that the kernel derives from a MAC: modified EUI-64 below fe80::/64. RFC 4291, appendix A */
function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(":").map((byte) => Number.parseInt(byte, 16));
  const first = ((a ^ 2) << 8) | b;
  // A first group of 0 is part of what "::" stands for.
  const groups = [...(first === 0 ? [] : [first]), (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${groups.map((group) => group.toString(16)).join(":")}`;
}
