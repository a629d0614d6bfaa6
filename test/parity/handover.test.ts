import { describe, it } from "vitest";
import { network } from "./networks.ts";
import { referenceDir } from "./reference.ts";
import { expectTwins } from "./twins.ts";

const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00::/64" }]];

/** In every test the reference's side has the reference do all of it, so ours must leave and find the same. */
describe("what one has added, the other", () => {
  it("deletes: ADD by ours, DEL by the reference", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", ranges });
      const prevResult = side.add(config);
      side.add(config, { containerId: "c2" });
      side.del({ ...config, prevResult }, { bin: referenceDir() });
    });
  });

  it("deletes: ADD by the reference, DEL by ours", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", ranges });
      const prevResult = side.add(config, { bin: referenceDir() });
      side.add(config, { containerId: "c2", bin: referenceDir() });
      side.del({ ...config, prevResult });
    });
  });

  it("checks: ADD by ours, CHECK by the reference", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", ranges });
      const prevResult = side.add(config);
      side.check({ ...config, prevResult }, { bin: referenceDir() });
    });
  });

  it("checks: ADD by the reference, CHECK by ours", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", ranges });
      const prevResult = side.add(config, { bin: referenceDir() });
      side.check({ ...config, prevResult });
    });
  });

  it("goes on with: addresses in turn from one folder", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", ranges });
      side.add(config);
      side.add(config, { containerId: "c2", bin: referenceDir() });
      side.add(config, { containerId: "c3" });
      side.del(config, { containerId: "c2" });
      side.del(config, { bin: referenceDir() });
      side.add(config, { containerId: "c4", bin: referenceDir() });
      side.add(config, { containerId: "c5" });
    });
  });

  it("executes: our bridge with the reference's host-local", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", ranges });
      const environment = { CNI_PATH: referenceDir() };
      const prevResult = side.add(config, { environment });
      side.check({ ...config, prevResult }, { environment });
      side.del(config, { environment });
    });
  });

  it("executes: the reference's bridge with our host-local", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", ranges });
      const options = { bin: referenceDir(), environment: { CNI_PATH: side.bin } };
      const prevResult = side.add(config, options);
      side.check({ ...config, prevResult }, options);
      side.del(config, options);
    });
  });

  it("finds out: an address of the container's that is gone", () => {
    expectTwins(
      (side) => {
        const config = network(side, { cniVersion: "1.1.0" });
        const prevResult = side.add(config);
        side.lab.run(["ip", "address", "flush", "dev", "eth0", "scope", "global"], side.netns());
        side.check({ ...config, prevResult }, { fails: true });
      },
      { departures: [{ path: /CHECK c1 error$/, reference: 999, ours: 104, reason: "CHECK's finding has a code" }] },
    );
  });

  it("finds out: a host end that is no port of the bridge", () => {
    expectTwins(
      (side) => {
        const config = network(side, { cniVersion: "1.1.0" });
        const prevResult = side.add(config);
        side.lab.run(["ip", "link", "set", side.hostLink(), "nomaster"]);
        side.check({ ...config, prevResult }, { fails: true });
      },
      { departures: [{ path: /CHECK c1 error$/, reference: 999, ours: 104, reason: "CHECK's finding has a code" }] },
    );
  });
});
