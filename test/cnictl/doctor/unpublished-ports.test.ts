import { expect, test } from "vitest";
import { unpublishedCheck } from "../../../src/cnictl/doctor/unpublished-ports.ts";
import { examinationOf, networkOf, wrong } from "./examinee.ts";
import { attachment, cached, inventoryOf } from "./inventory.ts";

const PORTS = [{ protocol: "tcp", hostIp: "", hostPort: 8080, containerPort: 80 }];

function examine(plugins: readonly object[], ids = ["c1"]): readonly string[] {
  const attachments = ids.map((id) => attachment(id, { cached: { ...cached("/run/netns/n"), ports: PORTS } }));
  const inventory = () => inventoryOf({ attachments });
  return wrong(unpublishedCheck.run(examinationOf([networkOf({ plugins })], { inventory })));
}

const FOUND =
  "warning x: nobody publishes the ports 8080->80/tcp of c1 eth0 (netns n): no plugin of the list declares the capability portMappings | add";

test("ports that no plugin gets are a warning, with what the list lacks", () => {
  expect(examine([{ type: "bridge" }])).toEqual([
    `${FOUND} { "type": "portmap", "capabilities": { "portMappings": true } } in x.conflist, and start the containers again`,
  ]);
  expect(examine([{ type: "portmap" }])).toEqual([
    `${FOUND} "capabilities": { "portMappings": true } to portmap in x.conflist, and start the containers again`,
  ]);
  expect(examine([{ type: "bridge" }], ["c1", "c2", "c3"])[0]).toContain("(netns n), and those of 2 more: no plugin");
});

test("a list whose plugin has the capability, and a network without ports, are as they should be", () => {
  expect(examine([{ type: "other", capabilities: { portMappings: true } }])).toEqual([]);
  expect(examine([{ type: "bridge" }], [])).toEqual([]);
});
