import { u8 } from "../codec.ts";
import { struct } from "../struct.ts";

/** The size of struct rtgenmsg, one byte, with padding: attributes begin at a multiple of four. */
const HEADER_SIZE = 4;

/** struct rtgenmsg, the header of every message about a namespace's number. <linux/rtnetlink.h> */
export const netnsHeader = struct("struct rtgenmsg", HEADER_SIZE, { family: [0, u8] });
