import { expect, test } from "vitest";
import { LINK_HEADER_SIZE } from "../../../src/netlink/link/header.ts";
import { detachProgram, programsOf } from "../../../src/netlink/link/xdp.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { contentOf, lastOf } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

test("detachProgram() is what `ip` sends", () => {
  const sent = lastOf("detach-xdp", "sent", RTM.NEWLINK);
  const netlink = new FakeNetlink();
  detachProgram(netlink, { index: 3, name: "veth0" }, { id: 15, mode: 2 });
  expect(netlink.onlyRequest).toMatchObject({ type: RTM.SETLINK, action: 'detach XDP program 15 from link "veth0"' });
  // `ip` also asks that no program is replaced, which has no effect here.
  const theirs = contentOf(sent.payload, LINK_HEADER_SIZE).map((text) => text.replace(/03000000$/, "02000000"));
  expect(contentOf(netlink.onlyRequest.payload, LINK_HEADER_SIZE)).toEqual(theirs);
});

test.each([
  ["none", undefined, []],
  ["no program", { attached: 0 }, []],
  ["one, before Linux 4.19: in the driver", { attached: 1, program: 9 }, [{ id: 9, mode: 4 }]],
  ["one, before Linux 4.19: generic", { attached: 2, program: 9 }, [{ id: 9, mode: 2 }]],
  ["one, before Linux 4.19: on the card", { attached: 3, program: 9 }, [{ id: 9, mode: 8 }]],
  ["one", { attached: 2, program: 9, generic: 9 }, [{ id: 9, mode: 2 }]],
  [
    "several",
    { attached: 4, inDriver: 7, generic: 9, onCard: 8 },
    [
      { id: 7, mode: 4 },
      { id: 9, mode: 2 },
      { id: 8, mode: 8 },
    ],
  ],
])("programsOf() finds the programs and where they run: %s", (_, xdp, programs) => {
  expect(programsOf(xdp)).toEqual(programs);
});
