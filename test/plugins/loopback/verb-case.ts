import { plugin } from "../../../plugins/loopback/main.ts";
import type { Case } from "../verb-cases.ts";

export const CASES: readonly Case[] = [{ title: "loopback", plugin, fields: {} }];
