import { expect, test } from "vitest";
import { cureForDifferences } from "../../src/cnictl/difference-cures.ts";

const RESTART =
  "start the containers again whose interface, addresses or routes differ: nothing rebuilds what is inside a container";
const WAY = "delete the rule or route that takes the packets, as these show it: ip rule; ip route get 10.88.0.2";

test.each([
  [['Port "v" is down, expected up'], "cnictl reapply x"],
  [['Interface "eth0" in /n is down, expected up', "Route 0.0.0.0/0 is missing"], RESTART],
  [["Route 0.0.0.0/0 is missing", 'Bridge "b" is missing'], `cnictl reapply x; ${RESTART}`],
  [['Port "v" is not a port of bridge "b"'], "cnictl reapply x"],
  [['Port "v" is not a port of bridge "b", found on "c"'], "ip link set v nomaster; cnictl reapply x"],
  [
    ['Port "v" does not forward: the spanning tree of bridge "b" holds it back'],
    "wait half a minute, or, where there are no loops: ip link set b type bridge stp_state 0",
  ],
  [
    [
      'Bridge "b" has MAC 02:00:00:00:00:02, expected 02:00:00:00:00:01',
      'Bridge "b" has MAC 02:00:00:00:00:02, expected 02:00:00:00:00:03',
    ],
    "ip link set b address 02:00:00:00:00:01",
  ],
  [
    ['The host itself has 10.88.0.2, on link "lo": give the network another subnet'],
    "delete the address from that link, or give the network another subnet and start the containers again",
  ],
  [
    [
      'The host reaches 10.88.0.2 through link "e", expected link "b": that is its route to 0.0.0.0/0, and "b" has no address for it',
    ],
    "cnictl reapply x",
  ],
  [
    [
      'The host reaches 10.88.0.2 through link "e", expected link "b": that is its route to 0.0.0.0/0, because "b" has lost its route to 10.88.0.0/16',
    ],
    "ip route replace 10.88.0.0/16 dev b",
  ],
  [
    [
      'The host reaches 10.88.0.2 through link "e", expected link "b": that is its route to 10.88.0.0/24',
      "Sysctl net.ipv4.conf.e.route_localnet is 0, expected 1",
      'The host has no route to 10.88.0.3, expected link "b"',
    ],
    `${WAY}; cnictl reapply x`,
  ],
])("cureForDifferences() of %j", (texts, cure) => {
  expect(cureForDifferences("x", texts)).toBe(cure);
});
