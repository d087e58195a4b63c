// The PC table as its readers know it; mach/pctable.ts writes it.

import { REGION_C } from "../ir/access.ts";
import { RecordType, SMALL_BYTES } from "./records.ts";

const head = new RecordType("PC table", REGION_C, SMALL_BYTES);
/** How many ranges of code, how many sites; the columns follow. */
export const PC_FUNCTIONS = head.i32("functions");
export const PC_SITES = head.i32("sites");
export const PC_HEAD_BYTES = head.bytes;
