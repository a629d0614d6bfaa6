import fs from "#fs";
import { discard } from "../../src/linux/discard.ts";
import { openNetns } from "../../src/linux/netns.ts";
import { identifyNetns } from "../../src/linux/netns-identity.ts";
import { ifPossible } from "../../src/platform/outcome.ts";

/**
 * The identity of the network namespace at a path: its inode, and its cookie if the kernel has cookies and lets this process enter it.
 * "" if there is no namespace.
 */
export function identifyNetnsAt(path: string): string {
  if (path === "") return "";
  try {
    const netns = openNetns(path);
    try {
      return identify(netns);
    } finally {
      discard(netns);
    }
  } catch {
    return "";
  }
}

/**
 * Whether the namespace of this identity is at the path: true or false for a namespace with its inode, undefined if another inode or
 * nothing is there, or if the cookies cannot be compared.
 */
export function isNetnsAt(path: string, identity: string): boolean | undefined {
  const [inode, cookie] = identity.split(":");
  const [foundInode, foundCookie] = identifyNetnsAt(path).split(":");
  if (foundInode !== inode) return undefined;
  if (cookie === undefined) return true;
  return foundCookie === undefined ? undefined : foundCookie === cookie;
}

function identify(netns: number): string {
  return ifPossible(() => identifyNetns(netns)) ?? String(fs.fstatSync(netns, { bigint: true }).ino);
}
