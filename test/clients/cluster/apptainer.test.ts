import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { OpenLog } from "../runtimes/open-log.ts";
import { nothing, traces } from "../runtimes/traces.ts";
import { serve, who } from "../runtimes/who.ts";
import { Apptainer } from "./apptainer.ts";

let apptainer: Apptainer;
let opened: OpenLog;

beforeAll(async () => {
  apptainer = await Apptainer.start();
  // A container's gateway is the node.
  serve(apptainer.node, apptainer.node.dir, {});
  opened = await OpenLog.start(apptainer.node);
}, 300_000);
afterEach(() => apptainer.stopAll());
afterAll(() => apptainer?.node.dispose());

const outside = { netns: "outside" };

describe("apptainer 1", () => {
  test("runs our plugins and no others", async () => {
    expect(apptainer.run(["--version"])).toMatch(/ version 1\./);
    for (const network of ["bridge", "ptp"]) apptainer.exec(network, ["true"]);
    await expect.poll(() => opened.names(), { timeout: 20_000 }).toEqual(["bridge", "firewall", "portmap", "ptp"]);
    expect(apptainer.node.files("/usr/lib/cni")).toEqual([]);
  });

  describe.each([
    { network: "bridge", subnet: "10.22" },
    { network: "ptp", subnet: "10.23" },
  ])("with its network $network", ({ network, subnet }) => {
    const own = expect.stringMatching(`^${subnet}\\.`);
    const left = () => traces(apptainer.node, { network, addresses: new RegExp(`\\b${subnet}\\.`) });

    test("gives a container an address, by which it reaches its gateway, and the outside by the node's; leaves nothing", async () => {
      const shown = apptainer.exec(network, ["ip", "-4", "addr", "show", "eth0"]);
      expect(shown).toMatch(new RegExp(`inet ${subnet}\\.\\S+/16 `));
      expect(apptainer.who(network, `${subnet}.0.1`)).toMatchObject({ client: own });
      expect(apptainer.who(network, "192.0.2.2")).toMatchObject({ client: "192.0.2.1" });
      await expect.poll(left, { timeout: 20_000 }).toEqual(nothing);
    });

    test("publishes an instance's port until the instance stops, and leaves nothing", async () => {
      await apptainer.serve("web", network, 8080);
      expect(who(apptainer.node, "192.0.2.1:8080", outside)).toEqual({ name: "web", client: "192.0.2.2" });
      for (const address of ["192.0.2.1:8080", "127.0.0.1:8080"])
        expect(who(apptainer.node, address)).toMatchObject({ name: "web" });
      expect(left()).toMatchObject({ links: [expect.any(String)], leases: [own] });
      apptainer.stop("web");
      await expect.poll(left, { timeout: 20_000 }).toEqual(nothing);
      expect(() => who(apptainer.node, "192.0.2.1:8080", outside)).toThrow();
    });

    test("has cnictl ps show an instance as alive, although its namespace has no path outside of apptainer", async () => {
      await apptainer.serve("web", network, 8080);
      const [attachment, ...others] = attachments(network);
      expect(attachment).toMatchObject({
        network,
        ifname: "eth0",
        addresses: left().leases.map((address) => `${address}/16`),
        ports: [{ hostPort: 8080, containerPort: 80, isRequested: false }],
        namespace: "alive",
        by: "ours",
      });
      expect(others).toEqual([]);
      expect(apptainer.node.try(["test", "-e", attachment.netns])).toMatchObject({ status: 1 });
    });

    test("has cnictl gc keep an instance that runs, beside one that was killed", async () => {
      await apptainer.serve("web", network, 8080);
      const before = left();
      await apptainer.serve("killed", network, 8081);
      await apptainer.kill("killed");
      apptainer.cnictl("gc", network);
      expect(who(apptainer.node, "192.0.2.1:8080", outside)).toEqual({ name: "web", client: "192.0.2.2" });
      expect(left()).toEqual(before);
    });

    test("has cnictl gc remove what is left of an instance that was killed", async () => {
      await apptainer.serve("web", network, 8080);
      await apptainer.kill("web");
      expect(attachments(network)).toMatchObject([{ namespace: "gone" }]);
      apptainer.cnictl("gc", network);
      expect(left()).toEqual(nothing);
    });
  });
});

/** What `cnictl ps` says of a network. */
function attachments(network: string) {
  return JSON.parse(apptainer.cnictl("ps", network, "--json"));
}
