/** Plugins whose kind of link not every kernel has: the virtual machine's has them all, and runs their tests. */
export const IN_VM = ["dummy", "ipvlan", "vlan", "vrf"];

/**
 * Their network lists, and what answers in each: an address of the host or its neighbour, or the container's own. `through` is the link
 * that the container sends by, if its routes do not say.
 */
export const LISTS_IN_VM: Readonly<
  Record<string, { readonly answers: string; readonly neighbour?: readonly string[]; readonly through?: string }>
> = {
  "71-ipvlan.conflist": { answers: "10.92.1.1", neighbour: ["ip address add 10.92.1.1/24 dev lan0"] },
  "72-vlan.conflist": {
    answers: "10.92.2.1",
    neighbour: ["ip link add lan0.100 up link lan0 type vlan id 100", "ip address add 10.92.2.1/24 dev lan0.100"],
  },
  "73-dummy.conflist": { answers: "10.92.3.1" },
  "74-vrf.conflist": { answers: "10.96.0.1", through: "red" },
};
