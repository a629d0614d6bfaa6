import { type Codec, raw, text } from "../../netlink/codec.ts";
import { decoderOf, encodeFields, type Fields, type Values } from "../../netlink/fields.ts";
import { bitwise } from "./expression/bitwise.ts";
import { cmp } from "./expression/cmp.ts";
import { ct } from "./expression/ct.ts";
import { exthdr } from "./expression/exthdr.ts";
import { fib } from "./expression/fib.ts";
import { immediate } from "./expression/immediate.ts";
import { lookup } from "./expression/lookup.ts";
import { masq } from "./expression/masq.ts";
import { meta } from "./expression/meta.ts";
import { nat } from "./expression/nat.ts";
import { payload } from "./expression/payload.ts";

/** enum nft_expr_attributes <linux/netfilter/nf_tables.h> */
const NFTA_EXPR = { NAME: 1, DATA: 2 } as const;

const FIELDS = { name: [NFTA_EXPR.NAME, text], data: [NFTA_EXPR.DATA, { ...raw, nested: true }] } as const;

const decodeParts = decoderOf(FIELDS);

const KINDS = {
  meta: kind("meta", meta),
  cmp: kind("cmp", cmp),
  payload: kind("payload", payload),
  bitwise: kind("bitwise", bitwise),
  lookup: kind("lookup", lookup),
  immediate: kind("immediate", immediate),
  masq: kind("masq", masq),
  nat: kind("nat", nat),
  ct: kind("ct", ct),
  fib: kind("fib", fib),
  exthdr: kind("exthdr", exthdr),
};

type Known = ReturnType<(typeof KINDS)[keyof typeof KINDS]["decode"]>;

/** One step of a rule, by the kernel's name for it. A kind that we do not decode keeps its bytes. */
export type Expression = Known | { readonly name: "other"; readonly kind: string; readonly bytes: Uint8Array };

export const expression: Codec<Expression> = {
  encode: (value) =>
    value.name === "other"
      ? encodeFields(FIELDS, { name: value.kind, data: value.bytes })
      : encodeFields(FIELDS, { name: value.name, data: encodeFields(fieldsOf(value.name), value.data) }),
  decode: (bytes) => {
    const { name = "", data = new Uint8Array() } = decodeParts(bytes);
    return isKnown(name) ? KINDS[name].decode(data) : { name: "other", kind: name, bytes: data };
  },
};

function kind<const N extends string, F extends Fields>(name: N, fields: F) {
  const decodeData = decoderOf(fields);
  const decode = (bytes: Uint8Array): { readonly name: N; readonly data: Values<F> } => ({
    name,
    data: decodeData(bytes),
  });
  return { fields, decode };
}

function fieldsOf(name: keyof typeof KINDS): Fields {
  return KINDS[name].fields;
}

function isKnown(name: string): name is keyof typeof KINDS {
  return Object.hasOwn(KINDS, name);
}
