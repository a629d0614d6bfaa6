import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { binDir, Lab } from "../lab.ts";

const conf = path.join(import.meta.dirname, "../../conf");

/** Runs cnictl with an empty /var/lib, which only it and its children see: the configurations keep their leases where an operator's do. */
const SCRIPT = `
  mount -t tmpfs tmpfs /var/lib
  cnictl=$1/cnictl name=$2 netns=$3 check=$4; shift 4
  $cnictl add $name $netns >&2
  if [ $check = true ]; then $cnictl check $name $netns >&2; fi
  for gateway; do nsenter --net=$netns ping -n -c1 -w5 $gateway >&2; done
  $cnictl del $name $netns >&2
  find /var/lib/cni -type f -printf '%f\n'
`;

/** What the container finds at its gateways, and the files that stay. */
const EXPECTED: Readonly<Record<string, { check: boolean; gateways: string[]; files: string[] }>> = {
  "10-bridge.conflist": { check: true, gateways: ["10.88.0.1"], files: ["last_reserved_ip.0"] },
  "20-dual-stack.conflist": {
    check: true,
    gateways: ["10.89.0.1", "fd00:10:89::1"],
    files: ["last_reserved_ip.0", "last_reserved_ip.1"],
  },
  "30-layer2.conflist": { check: true, gateways: [], files: [] },
  "40-rkt.conf": { check: false, gateways: ["10.1.0.1"], files: ["last_reserved_ip.0"] },
  "50-cluster.conflist": {
    check: true,
    gateways: ["10.244.1.1", "fd00:10:244:1::1"],
    files: ["last_reserved_ip.0", "last_reserved_ip.1"],
  },
};

describe("conf", () => {
  let lab: Lab;
  beforeEach(() => {
    lab = new Lab();
  });
  afterEach(() => lab.dispose());

  it("has no file that is not run here", () => {
    expect(fs.readdirSync(conf).sort()).toEqual(Object.keys(EXPECTED));
  });

  it.each(Object.entries(EXPECTED))(
    "%s attaches, reaches its gateway and detaches as it stands",
    (file, { check, gateways, files }) => {
      const { name } = JSON.parse(fs.readFileSync(path.join(conf, file), "utf8"));
      const netns = lab.addNamespace("c1");
      const argv = ["env", `NETCONFPATH=${conf}`, `CNI_PATH=${binDir}`, "unshare", "--mount", "bash", "-euc", SCRIPT];
      const left = lab.run([...argv, "conf", binDir, name, netns, String(check), ...gateways]);
      expect(
        left
          .trim()
          .split("\n")
          .filter((line) => line !== "")
          .sort(),
      ).toEqual(files);
      expect(lab.ip("link show", netns)).toHaveLength(1);
    },
  );
});
