import { listNamespaces } from "../../src/linux/netns-list.ts";
import { isNetnsAt } from "./netns-identity.ts";

/** How often to look: a namespace may pass from a process not yet examined to one already examined. */
const LOOKS = 2;

/** Namespaces that no process or thread is in. */
export interface Deserted {
  /** All of them. A process may have them open, or see them mounted in its mount namespace. */
  readonly deserted: ReadonlySet<string>;
  /** Those of them that no longer exist. */
  readonly gone: ReadonlySet<string>;
}

/**
 * Which of these namespaces are deserted. A missing path proves nothing, because a container may outlive it. A namespace with the same
 * inode and another cookie proves that the earlier one no longer exists. If something cannot be examined, all namespaces count as
 * inhabited.
 */
export function findDeserted(identities: readonly string[]): Deserted {
  let [deserted, gone] = [identities, identities];
  for (let look = 0; look < LOOKS && deserted.length > 0; look++) {
    const { paths, inhabited, isComplete } = listNamespaces();
    if (!isComplete) return { deserted: new Set(), gone: new Set() };
    deserted = deserted.filter((identity) => !isAmong(inhabited, identity));
    gone = gone.filter((identity) => !isAmong(paths, identity));
  }
  return { deserted: new Set(deserted), gone: new Set(gone) };
}

/** Whether these paths of namespaces, by inode, lead to the namespace, or cannot tell. */
function isAmong(paths: ReadonlyMap<string, string>, identity: string): boolean {
  const path = paths.get(identity.replace(/:.*/, ""));
  return path !== undefined && isNetnsAt(path, identity) !== false;
}
