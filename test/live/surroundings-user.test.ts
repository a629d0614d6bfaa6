import { execFileSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";
import { binDir } from "../lab.ts";

/**
 * The life of attachments in a user namespace whose numbers are set after its network namespace was made. The user who becomes its
 * root is not the host's, so that the kernel's files for the owner of the network namespace are nobody's.
 */
const SCRIPT = `
set -e
mount -t tmpfs none /run; mkdir -p /run/netns; ip netns add c1; ip link set lo up
if cat /proc/net/ip_tables_names; then exit 2; fi
export CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH="$BIN"
for type in bridge ptp; do
  for CNI_COMMAND in ADD DEL GC STATUS; do
    export CNI_COMMAND
    echo '{"cniVersion":"1.1.0","name":"net1","type":"'$type'","bridge":"br0","isGateway":true,"removeEmptyBridge":true,"ipMasq":true,"ipam":{"type":"host-local","dataDir":"/run/leases","ranges":[[{"subnet":"10.1.2.0/24"}],[{"subnet":"fd00:1::/64"}]]}}' | "$BIN/$type" >/run/out || { cat /run/out; exit 1; }
  done
done
ip -o link show | grep -c .
`;

test("bridge and ptp with masquerade work in the user namespace of an ordinary user", () => {
  const user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
  const namespaces = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--mount-proc"];
  const env = { ...process.env, BIN: path.resolve(binDir) };
  const out = execFileSync("setpriv", [...user, ...namespaces, "sh", "-c", SCRIPT], {
    cwd: "/",
    env,
    encoding: "utf8",
  });
  expect(out.trim()).toBe("1");
});
