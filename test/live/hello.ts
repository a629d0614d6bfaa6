import { type ChildProcess, spawn } from "node:child_process";
import type { Lab } from "../lab.ts";

const SERVER = `
require("net").createServer((socket) => socket.on("error", () => {}).end("hello")).listen(80, () => console.log("up"));
`;

/** A server on port 80 of a namespace that greets, up when the promise is fulfilled. Whoever starts it kills it. */
export async function serveHello(netns: string): Promise<ChildProcess> {
  const argv = [`--net=${netns}`, process.execPath, "-e", SERVER];
  const child = spawn("nsenter", argv, { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve, reject) => {
    child.stdout.once("data", resolve);
    child.once("close", () => reject(new Error("The server ended before it was up")));
  });
  return child;
}

/** What answers at an address and port, asked from a namespace (the host's unless told); "" where nothing does. */
export function ask(lab: Lab, address: string, port: number, netns?: string): string {
  const script = `exec 3<>/dev/tcp/${address}/${port} && cat <&3`;
  return lab.try(["timeout", "5", "bash", "-c", script], netns).stdout;
}
