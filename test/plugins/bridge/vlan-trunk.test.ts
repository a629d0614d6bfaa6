import { describe, expect, it } from "vitest";
import { expandTrunk } from "../../../plugins/bridge/vlan-trunk.ts";
import { CniError } from "../../../src/cni/error.ts";

describe("expandTrunk()", () => {
  it.each([
    ["B1: an empty list has no VLAN", [], []],
    ["B2: a range has both its ends", [{ minID: 100, maxID: 105 }], [100, 101, 102, 103, 104, 105]],
    ["B3: an id is one VLAN", [{ id: 101 }], [101]],
    ["B4: an id and a range together are both", [{ id: 101, minID: 104, maxID: 106 }], [101, 104, 105, 106]],
    [
      "several entries are in ascending order, each VLAN once",
      [{ minID: 9, maxID: 11 }, { id: 10 }, { id: 2 }],
      [2, 9, 10, 11],
    ],
    ["the ends of what VLANs may be", [{ id: 1 }, { minID: 4094, maxID: 4094 }], [1, 4094]],
    ["an entry without a member has none", [{}], []],
  ])("%s", (_, entries, ids) => {
    expect(expandTrunk(entries)).toEqual(ids);
  });

  const simultaneously = "minID and maxID should be configured simultaneously";

  it.each([
    ["B5: without maxID", { minID: 100 }, `${simultaneously}, maxID is missing`, "minID 100"],
    ["B6: without minID", { maxID: 105 }, `${simultaneously}, minID is missing`, "maxID 105"],
    ["B7: minID negative", { minID: -1, maxID: 105 }, "incorrect trunk minID parameter", "minID -1, must be 1 to 4094"],
    [
      "B8: minID too high",
      { minID: 5000, maxID: 105 },
      "incorrect trunk minID parameter",
      "minID 5000, must be 1 to 4094",
    ],
    [
      "B9: maxID too high",
      { minID: 100, maxID: 5000 },
      "incorrect trunk maxID parameter",
      "maxID 5000, must be 1 to 4094",
    ],
    [
      "B10: maxID negative",
      { minID: 100, maxID: -1 },
      "incorrect trunk maxID parameter",
      "maxID -1, must be 1 to 4094",
    ],
    ["B11: id too high", { id: 5000 }, "incorrect trunk id parameter", "id 5000, must be 1 to 4094"],
    ["B12: id negative", { id: -1 }, "incorrect trunk id parameter", "id -1, must be 1 to 4094"],
    [
      "B13: maxID below minID",
      { minID: 105, maxID: 100 },
      "minID is greater than maxID in trunk parameter",
      "minID 105, maxID 100",
    ],
    ["minID 0", { minID: 0, maxID: 5 }, "incorrect trunk minID parameter", "minID 0, must be 1 to 4094"],
    ["id 0", { id: 0 }, "incorrect trunk id parameter", "id 0, must be 1 to 4094"],
  ])("refuses %s", (_, entry, message, found) => {
    const details = `found in vlanTrunk: ${found}`;
    expect(() => expandTrunk([entry])).toThrow(new CniError("invalidConfig", message, { details }));
  });
});
