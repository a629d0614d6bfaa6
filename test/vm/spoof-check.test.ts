import { afterEach, beforeEach, expect, it } from "vitest";
import { BROADCAST, ETHER, frame, received, sendFrames, u16, udp } from "../live/frames.ts";
import { type AddResult, VlanLab } from "./vlan-lab.ts";

let lab: VlanLab;

beforeEach(() => {
  lab = new VlanLab();
});

afterEach(() => lab.dispose());

const FOREIGN = "02:00:00:00:00:99";
const datagram = (from: string, text: string) => udp(from, "10.1.2.255", { text });

function macOf({ interfaces }: AddResult): string {
  return interfaces.find(({ sandbox }) => sandbox !== undefined)?.mac ?? "";
}

/** What the container named victim sees of frames that c1 sends, the last of which arrives as `last`. */
function seen(frames: readonly string[], last: string): Promise<string[]> {
  const act = () => sendFrames(lab, frames, { netns: lab.netns("c1") });
  return received(lab.netns("victim"), { link: "eth0", last }, act);
}

it('spoofchk "strict" holds in a VLAN, where honest packets pass', async () => {
  lab.add(lab.network({ vlan: 100 }), "victim");
  const mac = macOf(lab.add(lab.network({ vlan: 100, spoofchk: "strict" })));
  expect(lab.pings("c1", "10.1.2.2")).toBe(true);
  const last = frame(mac, BROADCAST, ETHER.IP, datagram("10.1.2.3", "the last"));
  const attacks = [
    frame(mac, BROADCAST, ETHER.IP, datagram("10.1.2.2", "another's address")),
    frame(FOREIGN, BROADCAST, ETHER.IP, datagram("10.1.2.3", "another's MAC")),
  ];
  const arrived = await seen([...attacks, last], last);
  expect(arrived.filter((each) => attacks.includes(each))).toEqual([]);
});

it("macspoofchk looks at frames with the tags of a trunk", async () => {
  lab.add(lab.network({ vlan: 101 }), "victim");
  const mac = macOf(lab.add(lab.network({ vlanTrunk: [{ id: 101 }], macspoofchk: true })));
  const content = (text: string) => datagram("10.9.9.9", text);
  const tagged = (from: string, text: string) =>
    frame(from, BROADCAST, ETHER.VLAN, Buffer.concat([u16(101), u16(ETHER.IP), content(text)]));
  // The victim's port takes the tag off.
  const untagged = (from: string, text: string) => frame(from, BROADCAST, ETHER.IP, content(text));
  const frames = [tagged(mac, "own MAC"), tagged(FOREIGN, "another's MAC"), tagged(mac, "the last")];
  const arrived = await seen(frames, untagged(mac, "the last"));
  expect(arrived).toContain(untagged(mac, "own MAC"));
  expect(arrived).not.toContain(untagged(FOREIGN, "another's MAC"));
});
