import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { binDir } from "../lab.ts";
import { DhcpLab } from "./dhcp.ts";
import { endsOf, keaLeases, startKea4 } from "./kea.ts";

let dhcp: DhcpLab;
let netns: string;

beforeEach(() => {
  dhcp = new DhcpLab();
  netns = dhcp.lab.addNamespace("container");
});

afterEach(() => dhcp.dispose());

function call(command: string, config: object) {
  return dhcp.lab.plugin("bridge", { command, config, netns });
}

describe("beside Kea", () => {
  it("ADD gives what it says, the daemon renews, and DEL's release is in its file", async () => {
    await startKea4(dhcp, 6);
    const daemon = await dhcp.start([path.join(binDir, "dhcp"), "daemon", "-socketpath", dhcp.socket], "");
    const config = dhcp.network();
    const prevResult = JSON.parse(call("ADD", config).stdout);
    expect(prevResult).toMatchObject({
      ips: [{ address: expect.stringMatching(/^10\.9\.0\.2\d\/24$/), gateway: "10.9.0.1" }],
      routes: [{ dst: "0.0.0.0/0", gw: "10.9.0.1" }],
      dns: { nameservers: ["10.9.0.1"], domain: "example.org" },
    });
    const address = prevResult.ips[0].address.split("/")[0];
    const { mac } = prevResult.interfaces[2];
    expect(keaLeases(dhcp).at(-1)).toMatchObject({ address, lifetime: 6, mac });
    await dhcp.until("it is renewed twice", () => endsOf(dhcp, address).length >= 3);
    expect(dhcp.addresses(netns)).toMatchObject([{ local: address }]);
    expect(call("CHECK", { ...config, prevResult })).toMatchObject({ status: 0 });
    expect(daemon.output()).toBe("");
    expect(call("DEL", { ...config, prevResult })).toMatchObject({ status: 0, stdout: "", stderr: "" });
    await dhcp.until("the release is written", () => keaLeases(dhcp).at(-1)?.lifetime === 0);
    expect(keaLeases(dhcp).at(-1)).toMatchObject({ address });
  });

  it("a daemon that was killed asks it whether the lease holds, and it says yes", async () => {
    await startKea4(dhcp, 600);
    const start = () => dhcp.start([path.join(binDir, "dhcp"), "daemon", "-socketpath", dhcp.socket], "");
    const first = await start();
    const { ips } = JSON.parse(call("ADD", dhcp.network()).stdout);
    const address = ips[0].address.split("/")[0];
    await dhcp.stop(first.pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const second = await start();
    await dhcp.until("it has more time", () => endsOf(dhcp, address).length >= 2);
    expect(dhcp.addresses(netns)).toMatchObject([{ local: address }]);
    expect(second.output()).toBe("");
  });
});
