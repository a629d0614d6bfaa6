import { listNamespaces } from "../../src/linux/netns-list.ts";
import { isNetnsAt } from "./netns-identity.ts";

/** How often to look: a namespace may pass from a process not yet examined to one already examined. */
const LOOKS = 2;

/**
 * Which of these namespaces no longer exist: no process or thread is in them, has them open, or sees them mounted in its mount namespace.
 * A missing path proves nothing, because a container may outlive it. A namespace with the same inode and another cookie proves that the
 * earlier one no longer exists. If something cannot be examined, all namespaces count as existing.
 */
export function findGoneNamespaces(identities: readonly string[]): ReadonlySet<string> {
  let left = identities;
  for (let look = 0; look < LOOKS && left.length > 0; look++) {
    const { paths, isComplete } = listNamespaces();
    if (!isComplete) return new Set();
    left = left.filter((identity) => {
      const path = paths.get(identity.replace(/:.*/, ""));
      return path === undefined || isNetnsAt(path, identity) === false;
    });
  }
  return new Set(left);
}
