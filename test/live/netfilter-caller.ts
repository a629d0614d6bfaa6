import { parsePrefix } from "../../src/ip/prefix.ts";
import { selectOwner } from "../../src/netfilter/owner.ts";
import { openNfnetlink } from "../../src/netlink/socket.ts";
import { addMasquerade, deleteSelected } from "../../src/steps/masquerade/elements.ts";

// A process of its own in netfilter.test.ts: add|delete NETNS CONTAINER [PREFIX...]
const [command, netns, containerId = "", ...texts] = process.argv.slice(2);
if (netns === undefined) throw new Error("Cannot go on: no network namespace given");
const netlink = openNfnetlink({ netns });
const owner = { network: "net1", ifname: "eth0", containerId };
const prefixes = texts.map(parsePrefix).filter((prefix) => prefix !== undefined);
if (command === "add") addMasquerade(netlink, { owner, prefixes });
else deleteSelected(netlink, selectOwner(owner));
