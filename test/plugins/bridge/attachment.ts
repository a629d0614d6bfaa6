import { plugin } from "../../../plugins/bridge/main.ts";
import type { Request } from "../../../src/cni/request.ts";
import type { Result } from "../../../src/cni/result.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { leased, requestOf, type Verb } from "../verb-cases.ts";

/** An IPAM plugin that always has the same addresses. */
const delegate = () => ({ begin: () => {}, abandon: () => false, result: () => leased, done: () => {} });

/** A machine with a container, for calls of bridge with these fields. */
export function arrange(fields: object) {
  const kernel = new FakeKernel();
  const container = kernel.addNamespace("container", { up: true });
  const host = hostOn(kernel, { delegate });
  const logged: string[] = [];
  const request = (verb: Verb, more: object = {}, given?: Result): Request => ({
    ...requestOf(verb, { plugin, fields: { ...fields, ...more } }, { given }),
    log: (line) => void logged.push(line),
  });
  const add = () => plugin.add(request("ADD"), host);
  const status = (more = {}) => plugin.status?.(request("STATUS", more), host);
  return { kernel, container, host, logged, request, add, status };
}

/** The same with an attachment; `check` compares it with what other fields would have made, where they are given. */
export function attach(fields: object) {
  const stage = arrange(fields);
  const given = stage.add();
  const { netlink } = stage.host;
  const inside = stage.kernel.openRoute(stage.container);
  const check = (more: object = {}, result = given) => plugin.check(stage.request("CHECK", more, result), stage.host);
  const [, port = ""] = given.interfaces.map(({ name }) => name);
  return { ...stage, given, netlink, inside, port, check };
}

/** The message of the refusal; "" without one. */
export function said(act: () => unknown): string {
  try {
    act();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
