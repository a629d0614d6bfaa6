import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { listListening } from "../../src/linux/listening.ts";

it("listListening() has the paths of sockets as long as somebody listens, and no connections", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "listening-"));
  const file = path.join(folder, "a socket");
  const server = net.createServer().listen(file);
  await once(server, "listening");
  const client = net.connect(file);
  await once(client, "connect");
  expect(listListening().filter((each) => each === file)).toEqual([file]);
  client.destroy();
  server.close();
  await once(server, "close");
  expect(listListening()).not.toContain(file);
  fs.rmSync(folder, { recursive: true });
});
