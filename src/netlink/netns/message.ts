import { payload } from "../struct.ts";
import { NETNS_FIELDS } from "./attributes.ts";
import { netnsHeader } from "./header.ts";

/** Encodes and decodes the number of a namespace. `decode` throws RangeError on malformed input. */
export const { encode: encodeNetns, decode: decodeNetns } = payload(netnsHeader, NETNS_FIELDS);
