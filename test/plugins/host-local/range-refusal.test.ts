import { expect, test } from "vitest";
import { parseHostLocal } from "../../../plugins/host-local/config.ts";
import { CniError } from "../../../src/cni/error.ts";
import { addRequest } from "../request.ts";

const [one, two, three] = [{ subnet: "10.1.0.0/24" }, { subnet: "10.2.0.0/24" }, { subnet: "10.3.0.0/24" }];
const wrong = { subnet: "10.9.0.0/24", rangeStart: "10.8.0.1" };
const OUTSIDE = "RangeStart 10.8.0.1 not in network 10.9.0.0/24";

/** The refusal of a network of these range sets: those of the runtime, the range of the older form, and those of `ranges`. */
function refusalOf({ runtime = [], legacy = {}, ranges = [] }: Sets): CniError {
  const config = { runtimeConfig: { ipRanges: runtime }, ipam: { type: "host-local", ...legacy, ranges } };
  try {
    parseHostLocal(addRequest({ cniVersion: "1.1.0", name: "net1", ...config }));
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  return expect.fail("it was not refused");
}

interface Sets {
  readonly runtime?: readonly (readonly object[])[];
  readonly legacy?: object;
  readonly ranges?: readonly (readonly object[])[];
}

test.each<[Sets, number, string, readonly PropertyKey[]]>([
  [{ runtime: [[one], [two, wrong]] }, 1, OUTSIDE, ["runtimeConfig", "ipRanges", 1, 1]],
  [{ runtime: [[one]], legacy: wrong, ranges: [[two]] }, 1, OUTSIDE, ["ipam"]],
  [{ legacy: wrong, ranges: [[two]] }, 0, OUTSIDE, ["ipam"]],
  [{ legacy: one, ranges: [[wrong]] }, 1, OUTSIDE, ["ipam", "ranges", 0, 0]],
  [{ runtime: [[one]], ranges: [[two], [wrong]] }, 2, OUTSIDE, ["ipam", "ranges", 1, 0]],
  [{ runtime: [[one], [two]], legacy: three, ranges: [[wrong]] }, 3, OUTSIDE, ["ipam", "ranges", 0, 0]],
  [{ ranges: [[one, { subnet: "fd00::/64" }]] }, 0, "mixed address families", ["ipam", "ranges", 0]],
  [{ runtime: [[]] }, 0, "empty range set", ["runtimeConfig", "ipRanges", 0]],
])("of %j the error names set %i and says where its range is", (sets, index, message, path) => {
  const error = refusalOf(sets);
  expect([error.code, error.message, error.path]).toEqual([7, `invalid range set ${index}: ${message}`, path]);
  expect(error.details ?? "").toBe("");
});

test("a range without subnet is named with every key of ipam that was probably meant, and no other", () => {
  const ranges = [[{ subnett: "10.1.0.0/24", rangestrat: "10.1.0.2", colour: "red" }]];
  const request = { cniVersion: "1.1.0", name: "net1", runtimeConfi: {}, ipam: { type: "host-local", ranges } };
  expect(() => parseHostLocal(addRequest(request))).toThrow(
    expect.objectContaining({
      details: [
        'network "net1": a range has no "subnet"',
        'ipam.ranges[0][0].subnett is unknown: did you mean "subnet"?',
        'ipam.ranges[0][0].rangestrat is unknown: did you mean "rangeStart"?',
      ].join("; "),
    }),
  );
});
