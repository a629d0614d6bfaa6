import { expect, test } from "vitest";
import { runAtOnce } from "../../../src/netfilter/iptables/tool.ts";

test("runAtOnce() starts every command before it waits for the first", () => {
  const events: string[] = [];
  const command = (name: string) => () => {
    events.push(`start ${name}`);
    return () => void events.push(`end ${name}`);
  };
  runAtOnce([command("one"), command("two")]);
  expect(events).toEqual(["start one", "start two", "end one", "end two"]);
});

test("runAtOnce() waits for the commands that run, even if another does not start", () => {
  const ended: string[] = [];
  const command = (name: string) => () => () => void ended.push(name);
  const refused = () => {
    throw new Error("no memory");
  };
  expect(() => runAtOnce([command("one"), refused, command("three")])).toThrow("no memory");
  expect(ended).toEqual(["one", "three"]);
});

test("runAtOnce() throws the first error, after all commands have ended", () => {
  const ended: string[] = [];
  const failing = (name: string) => () => () => {
    ended.push(name);
    throw new Error(`${name} failed`);
  };
  expect(() => runAtOnce([failing("one"), failing("two")])).toThrow("one failed");
  expect(ended).toEqual(["one", "two"]);
});
