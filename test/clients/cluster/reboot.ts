import { randomUUID } from "node:crypto";
import type { Sandbox } from "../runtimes/sandbox.ts";

/**
 * What a reboot leaves of a node: every process, link, rule, network namespace and file of /run is gone, and the boot has another ID. Files
 * of /etc and /var stay. The outside is there again.
 */
export function reboot(node: Sandbox): void {
  node.run(["bash", "-c", REBOOT]);
  node.write("/run/boot-id", `${randomUUID()}\n`);
  node.run(["mount", "--bind", "/run/boot-id", "/proc/sys/kernel/random/boot_id"]);
  node.connectOutside();
}

/** The overlays' changes are in /run/changes: they stand for a disk. */
const REBOOT = `
kill -KILL -1
for pass in 1 2 3; do
  tac /proc/mounts | while read -r _ place _; do
    case $place in
      /run/netns | /run/netns/* | /run/containerd/* | /var/lib/kubelet/* | /proc/sys/kernel/random/boot_id) umount --lazy "$place" ;;
    esac
  done
done
find /run -mindepth 1 -maxdepth 1 ! -name changes ! -name lock -exec rm -rf --one-file-system {} +
mkdir -p /run/netns
nft flush ruleset
ip -brief link show type veth | while read -r name _; do ip link del "\${name%@*}" 2>/dev/null || true; done
ip -brief link show | while read -r name _; do if [ "$name" != lo ]; then ip link del "\${name%@*}" || true; fi; done
conntrack -F 2>/dev/null
sysctl -q -w net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
`;
