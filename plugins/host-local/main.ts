import { runPlugin } from "../../src/cni/process.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import { del } from "./del.ts";
import { gc } from "./gc.ts";
import { status } from "./status.ts";
import { undo } from "./undo.ts";

runPlugin({ name: "host-local", add, check, del, gc, status, undo });
