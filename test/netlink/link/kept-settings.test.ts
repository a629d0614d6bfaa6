import { describe, expect, test } from "vitest";
import { LINK_HEADER_SIZE } from "../../../src/netlink/link/header.ts";
import { findKeptSettings, settingRequests } from "../../../src/netlink/link/kept-settings.ts";
import { programsOf } from "../../../src/netlink/link/xdp.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { contentOf, lastOf, linkIn } from "../captured.ts";
import { FakeNetlink } from "../fake-netlink.ts";

const link = { index: 3, name: "veth0" };

/** The settings of the link in the capture. */
function captured() {
  const found = findKeptSettings(new FakeNetlink(() => [linkIn("get-xdp", "veth0")]), link);
  if (found === undefined) throw new Error("the capture has no link");
  return found;
}

describe("findKeptSettings()", () => {
  test("reads what a link keeps", () => {
    const { xdp, ...settings } = captured();
    expect(settings).toEqual({
      flags: 0x1000,
      broadcast: "ff:ff:ff:ff:ff:ff",
      transmitQueueLength: 1000,
      group: 0,
      mode: 0,
      protocolDown: 0,
      gsoMaxSegments: 65_535,
      gsoMaxSize: 65_536,
      groMaxSize: 65_536,
    });
    expect(programsOf(xdp)).toEqual([{ id: expect.any(Number), mode: 2 }]);
  });

  test("is undefined for a link that is gone", () => {
    expect(findKeptSettings(new FakeNetlink(), link)).toBeUndefined();
  });
});

describe("settingRequests()", () => {
  test.each([
    ["set-group", { group: 77 }, "set group 77"],
    ["set-noarp", { flags: 0x1080 }, "set flags 0x1080"],
  ])("are what `ip` sends: %s", (name, wanted, action) => {
    const sent = lastOf(name, "sent", RTM.NEWLINK);
    const netlink = new FakeNetlink();
    const found = captured();
    for (const request of settingRequests(netlink, link, { found, wanted: { ...found, ...wanted } })) request();
    expect(netlink.onlyRequest).toMatchObject({ type: RTM.SETLINK, action: `${action} on link "veth0"` });
    // `ip` repeats the flag that it sets; the kernel looks at those of the mask alone.
    const [header, ...attributes] = contentOf(netlink.onlyRequest.payload, LINK_HEADER_SIZE);
    const [theirs, ...others] = contentOf(sent.payload, LINK_HEADER_SIZE);
    expect([header?.replace(/^(.{16})80100000/, "$180000000"), attributes]).toEqual([theirs, others]);
  });

  test("are none where nothing differs, or where nothing is known", () => {
    const found = captured();
    const none = new FakeNetlink();
    expect(settingRequests(none, link, { found, wanted: found })).toEqual([]);
    expect(settingRequests(none, link, { found, wanted: { flags: found.flags } })).toEqual([]);
  });
});
