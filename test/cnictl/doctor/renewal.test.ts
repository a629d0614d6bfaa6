import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import type { RenewalReport } from "../../../plugins/dhcp/renewal-report.ts";
import { judgeRenewals, type Renewers, renewalCheck } from "../../../src/cnictl/doctor/renewal.ts";
import { examinationOf, networkOf, wrong } from "./examinee.ts";

const SOCKET = "/run/cni/dhcp.sock";

function judge(report: Partial<RenewalReport>, renewers: Partial<Renewers> = {}) {
  const nobody = { names: ["lan"], isServed: false, hasTimer: false };
  return judgeRenewals(
    { socket: SOCKET, count: 3, timed: 3, overdue: 0, late: 0, ...report },
    { ...nobody, ...renewers },
  );
}

const CURE = "systemctl enable --now cni-dhcp.socket, which is in conf/systemd";

test("leases that somebody renews, or that have no end, are as they should be", () => {
  const found = [
    judge({}, { isServed: true }),
    judge({ overdue: 1 }, { isServed: true }),
    judge({}, { hasTimer: true }),
    judge({ timed: 0 }),
  ];
  expect(wrong(found)).toEqual([]);
});

test("nobody who renews is a note, and leases that nobody has renewed are a warning", () => {
  const names = ["lan", "office"];
  const found = [
    judge({ count: 0, timed: 0 }),
    judge({ overdue: 2, late: 1 }, { names }),
    judge({ overdue: 2, late: 1 }, { hasTimer: true }),
    judge({ late: 1 }, { isServed: true }),
  ];
  expect(wrong(found)).toEqual([
    `note ${SOCKET}: no daemon listens: leases of network lan end unless their server gives them for ever | ${CURE}`,
    `warning ${SOCKET}: 2 of 3 leases of networks lan, office are not renewed, and no daemon listens | ${CURE}`,
    `warning ${SOCKET}: 2 of 3 leases of network lan are not renewed, and no daemon listens | ${CURE}`,
    `warning ${SOCKET}: 1 of 3 leases of network lan are not renewed in time, though a daemon listens | see whether it is \`dhcp daemon\` of this file, and in its log whether a server answers`,
  ]);
});

test("each socket that lists name is looked at, and a daemon that listens there is found", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "renewal-"));
  const [served, unserved] = ["a.sock", "b.sock"].map((name) => path.join(folder, name));
  const list = (name: string, daemonSocketPath?: string) =>
    networkOf({ name, plugins: [{ type: "macvlan", ipam: { type: "dhcp", daemonSocketPath } }] });
  const server = net.createServer().listen(served);
  await once(server, "listening");
  const other = networkOf({ name: "pool", plugins: [{ type: "bridge", ipam: { type: "host-local" } }] });
  const networks = [list("one", served), list("two", unserved), list("three", unserved), other];
  expect(renewalCheck.run(examinationOf(networks))).toMatchObject([
    { level: "ok", subject: served },
    {
      level: "note",
      subject: unserved,
      message: "no daemon listens: leases of networks two, three end unless their server gives them for ever",
      cure: `${CURE}, with ListenStream=${unserved}`,
    },
  ]);
  server.close();
  await once(server, "close");
  fs.rmSync(folder, { recursive: true });
});
