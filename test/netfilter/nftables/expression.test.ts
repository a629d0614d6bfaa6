import { expect, test } from "vitest";
import { expression } from "../../../src/netfilter/nftables/expression.ts";
import { decodeRule } from "../../../src/netfilter/nftables/rule.ts";
import { hex, payloads } from "../captured.ts";

const received = payloads("list", "received", "NEWRULE").map((bytes) => decodeRule(bytes).expressions ?? []);

test("expression.decode reads every kind in the kernel's rules", () => {
  expect(received[0]).toEqual([
    { name: "meta", data: { dreg: 1, key: 15 } },
    { name: "cmp", data: { sreg: 1, operation: 0, data: { value: Uint8Array.of(2) } } },
    { name: "payload", data: { dreg: 1, base: 1, offset: 16, length: 4 } },
    {
      name: "bitwise",
      data: {
        sreg: 1,
        dreg: 1,
        length: 4,
        operation: 0,
        mask: { value: Uint8Array.of(0xf0, 0, 0, 0) },
        xor: { value: Uint8Array.of(0, 0, 0, 0) },
      },
    },
    { name: "cmp", data: { sreg: 1, operation: 0, data: { value: Uint8Array.of(224, 0, 0, 0) } } },
    { name: "immediate", data: { dreg: 0, data: { verdict: { code: -5 } } } },
  ]);
  expect(received[2]?.at(-1)).toEqual({ name: "lookup", data: { set: "sources4", sreg: 1, dreg: 0, flags: 0 } });
  expect(received[5]).toEqual([{ name: "masq", data: {} }]);
});

test("expression keeps a kind that it does not speak", () => {
  const counter = {
    name: "other",
    kind: "counter",
    bytes: Uint8Array.of(12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 9),
  } as const;
  const encoded = expression.encode(counter);
  expect(expression.decode(encoded)).toEqual(counter);
  expect(hex(encoded)).toBe("0c000100636f756e7465720010000280" + "0c0001000000000000000009");
});

test("expression does not take a name for a kind that every object has", () => {
  const odd = { name: "other", kind: "toString", bytes: new Uint8Array() } as const;
  expect(expression.decode(expression.encode(odd))).toEqual(odd);
});
