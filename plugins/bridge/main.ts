import { runPlugin } from "../../src/cni/process.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import { del } from "./del.ts";

runPlugin({ name: "bridge", add, check, del });
