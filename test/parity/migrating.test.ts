import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { blocksOf } from "../documents/blocks.ts";
import { binDir, Lab } from "../lab.ts";
import { referenceDir } from "./reference.ts";

const root = path.join(import.meta.dirname, "../..");

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(() => lab.dispose());

/** A list that a kubelet's containerd has, and ports for the containers named. */
const NODE = `
for folder in /opt /run /var/lib; do mount -t tmpfs tmpfs $folder; done
# Where Debian says which iptables is meant.
cp -a /etc/alternatives /run/
mount -t tmpfs tmpfs /etc
mv /run/alternatives /etc/
mkdir -p /opt/cni/bin /etc/cni/net.d
cp ${referenceDir()}/* /opt/cni/bin/
cp ${root}/conf/containerd/10-containerd-net.conflist /etc/cni/net.d/
ip link set lo up
add() {
  ip netns add $1
  CAP_ARGS="{\\"portMappings\\": [{\\"hostPort\\": $2, \\"containerPort\\": 80, \\"protocol\\": \\"tcp\\"}]}" $CNICTL add containerd-net /run/netns/$1
}
reach() {
  ip netns exec $1 ping -q -c 1 -W 5 10.88.0.1
}
state() {
  nft list ruleset 2>&1
  ls /var/lib/cni/networks/containerd-net
}
`;

const blocks = blocksOf(fs.readFileSync(path.join(root, "docs/migrating-from-go.md"), "utf8"));
const [validate, keep, install, trial, rollBack, copyBack, clean, rest, ...others] = blocks.map(({ script }) => script);

it.each([
  ["what the installation kept", rollBack],
  ["the copies of the Go plugins", copyBack],
])(
  "docs/migrating-from-go.md: a node goes from the Go plugins to these and back to %s, and its containers stay",
  (_, back) => {
    expect(others).toEqual([]);
    const clone = path.join(lab.dir, "clone");
    fs.mkdirSync(path.join(clone, "dist"), { recursive: true });
    fs.symlinkSync(binDir, path.join(clone, "dist/bin"));
    const script = `cd ${clone}\nCNICTL=${binDir}/cnictl\n${NODE}
add old1 8081
add old2 8082
${validate}${keep}${install}${trial?.replace("NETWORK=bridge", "NETWORK=containerd-net")}${keep}
reach old1
$CNICTL check containerd-net /run/netns/old1
add new1 8083
$CNICTL del containerd-net /run/netns/old1
state > after-del
reach old2
reach new1
${back}
/opt/cni/bin/bridge 2> back
reach new1
# Its firewall chains may be missing to the Go plugins, which then say so.
$CNICTL del containerd-net /run/netns/new1 || rm /var/lib/cni/results/containerd-net-*
reach old2
${clean}
state > after-clean
nft list tables > tables-before
${rest}
reach old2
nft list tables > tables
ls -A /opt/cni/bin > executables
ls -A ${referenceDir()} > reference
diff executables reference
ls -A /opt/cni > folders`;
    const { status, stdout, stderr } = lab.try(["unshare", "--mount", "sh", "-exc", script]);
    expect(status, `${stdout}${stderr}`).toBe(0);
    const written = (name: string) => fs.readFileSync(path.join(clone, name), "utf8");
    // What it says without a command has its version only where Go puts it in.
    expect(written("back")).toBe(lab.try([path.join(referenceDir(), "bridge")]).stderr);
    expect(written("after-del")).not.toMatch(/10\.88\.0\.2\b|8081/);
    expect(written("after-del")).toMatch(/8082/);
    expect(written("after-clean")).not.toMatch(/8083/);
    expect(written("after-clean")).toMatch(/10\.88\.0\.3\n/);
    expect(written("tables-before")).toMatch(/inet cni_/);
    expect(written("tables")).not.toMatch(/inet cni_/);
    expect(written("folders")).toBe("bin\n");
  },
);
