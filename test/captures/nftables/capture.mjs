// Prints what a command and the kernel say to each other over netlink: node capture.mjs NETNS COMMAND [ARGUMENT...] > NAME.hex
// Needs root, strace, and the namespace. One line a message: its kind, and all its bytes in hex.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

const [netns, ...command] = process.argv.slice(2);
const trace = `${tmpdir()}/capture.${process.pid}`;
const calls = "trace=sendmsg,recvmsg,sendto,recvfrom";
const strace = ["strace", "-o", trace, "-e", calls, "-e", "read=all", "-e", "write=all", ...command];
const child = spawnSync("ip", ["netns", "exec", netns, ...strace], { encoding: "utf8" });
const versions = [["uname", "-r"], ["nft", "--version"]].map(([file, ...args]) => spawnSync(file, args, { encoding: "utf8" }).stdout.trim().replace(/-.*/, ""));

const NFT = "NEWTABLE GETTABLE DELTABLE NEWCHAIN GETCHAIN DELCHAIN NEWRULE GETRULE DELRULE NEWSET GETSET DELSET NEWSETELEM GETSETELEM DELSETELEM NEWGEN GETGEN".split(" ");
const KIND = { 2: "ERROR", 3: "DONE", 16: "BATCH_BEGIN", 17: "BATCH_END", ...Object.fromEntries(NFT.map((name, n) => [0xa00 + n, name])) };

const lines = [`# ${command.join(" ")}`, `# Linux ${versions[0]}, ${versions[1]}`];
if (child.stderr !== "") lines.push(...child.stderr.trimEnd().split("\n").map((line) => `# stderr: ${line}`));
let heading = "";
let datagram = "";
for (const line of [...readFileSync(trace, "utf8").split("\n"), ""]) {
  if (line.startsWith(" | ")) datagram += line.slice(10, 60).replaceAll(" ", "");
  else if (!line.startsWith(" * ")) {
    print(Buffer.from(datagram, "hex"));
    datagram = "";
    heading = line.startsWith("recv") ? "## received" : "## sent";
  }
}
rmSync(trace);
console.log(lines.join("\n"));

function print(bytes) {
  if (bytes.length > 0) lines.push(heading);
  for (let offset = 0, length; offset < bytes.length; offset += length) {
    length = (bytes.readUInt32LE(offset) + 3) & ~3;
    lines.push(`${KIND[bytes.readUInt16LE(offset + 4)] ?? bytes.readUInt16LE(offset + 4)} ${bytes.toString("hex", offset, offset + length)}`);
  }
}
