import { expect, it } from "vitest";
import { identity4 } from "../../../plugins/dhcp/identity4.ts";

const MAC = "0a:58:0a:09:00:05";

it("identity4() has the link's MAC, and wants broadcasts if they are configured or the MAC is the master's", () => {
  const client = { clientId: Uint8Array.of(0, 1), provided: new Map(), requested: [1], broadcast: false };
  for (const kind of ["veth", "macvlan", "vlan", ""])
    expect(identity4(client, { kind, mac: MAC })).toEqual({ ...client, mac: MAC });
  expect(identity4(client, { kind: "ipvlan", mac: MAC })).toEqual({ ...client, mac: MAC, broadcast: true });
  expect(identity4({ ...client, broadcast: true }, { kind: "veth", mac: MAC })).toMatchObject({ broadcast: true });
});
