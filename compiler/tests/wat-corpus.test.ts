// The specification's test suites, as text: every script parses, every module that is not there to be malformed
// assembles, every malformed text is rejected; V8 is asked about the binaries. Where wasm/decode.ts takes a
// binary, its printed text assembles to the same bytes again.
//
// WASMPY_SPEC names the folder with 1.0, 2.0 and 3.0; by default ../../shared/spec beside the project.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Failure } from "../base/fail.ts";
import { decode } from "../wasm/decode.ts";
import { type Features, WASM_1_0, WASM_2_0, WASM_3_0 } from "../wasm/features.ts";
import { INSTRUCTIONS } from "../wasm/instructions.ts";
import * as wast from "../wat/commands.ts";
import { parseModule } from "../wat/parse.ts";
import { printModule } from "../wat/print.ts";
import { BINARY, type ModuleSource } from "../wat/wast.ts";
import { complaint, parseScript } from "./wat-engine.ts";

const ROOT = process.env.WASMPY_SPEC ?? join(import.meta.dirname, "..", "..", "..", "shared", "spec");
const present = existsSync(join(ROOT, "3.0"));
if (!present) console.log(`skipped: no test suites in ${ROOT} (set WASMPY_SPEC)`);

/** What V8 refuses because of its own limits (sizes of memories and tables), or has behind a flag (exnref). */
const V8_LIMIT = /implementation limit|enable with --experimental/;

function scripts(version: string): string[] {
  const folder = join(ROOT, version);
  const names = readdirSync(folder, { recursive: true }) as string[];
  return names.filter((name) => name.endsWith(".wast")).sort();
}

function read(version: string, name: string): wast.Command[] {
  return parseScript(readFileSync(join(ROOT, version, name)));
}

/** The binary, or the message that it is malformed. */
function assemble(source: ModuleSource, features: Features): Uint8Array<ArrayBuffer> | string {
  try {
    return Uint8Array.from(source.assemble(features).bytes);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.message;
  }
}

describe.skipIf(!present).each([
  ["1.0", WASM_1_0],
  ["2.0", WASM_2_0],
  ["3.0", WASM_3_0],
] as const)("suite %s", (version, features) => {
  test("texts assemble, malformed ones do not", { timeout: 120000 }, () => {
    const failures: string[] = [];
    let modules = 0;
    let malformed = 0;
    for (const name of scripts(version)) {
      for (const command of read(version, name)) {
        if (command.module === null) continue;
        const where = `${name}:${command.line}`;
        const result = assemble(command.module, features);
        if (command.kind === wast.ASSERT_MALFORMED) {
          if (command.module.form === BINARY) continue; // the decoder's
          malformed++;
          if (typeof result !== "string") failures.push(`${where} accepted, expected: ${command.message}`);
          continue;
        }
        modules++;
        if (typeof result === "string") {
          failures.push(`${where} ${result}`);
          continue;
        }
        const v8 = complaint(result);
        if (command.kind === wast.ASSERT_INVALID) {
          // newer versions allow some of what older suites call invalid, and V8 knows no versions
          if (v8 === "" && version === "3.0")
            failures.push(`${where} valid for V8, expected: ${command.message}`);
        } else if (v8 !== "" && !V8_LIMIT.test(v8)) {
          failures.push(`${where} ${v8}`);
        }
      }
    }
    expect(failures).toEqual([]);
    expect(modules).toBeGreaterThan(800);
    expect(malformed).toBeGreaterThan(400);
  });

  test("printed modules assemble to the same bytes", { timeout: 120000 }, () => {
    const failures: string[] = [];
    let same = 0;
    for (const name of scripts(version)) {
      for (const command of read(version, name)) {
        if (command.module === null || command.kind === wast.ASSERT_MALFORMED) continue;
        const bytes = command.module.assemble(features).bytes;
        const text = printed(bytes, features);
        if (text === null) continue;
        const again = parseModule(text, features).bytes;
        if (Buffer.compare(bytes, again) === 0) same++;
        // other forms of the same (empty groups, long LEB128): the text must be a fixed point
        else if (Buffer.compare(text, printed(again, features) ?? new Uint8Array()) !== 0) {
          failures.push(`${name}:${command.line}`);
        }
      }
    }
    expect(failures).toEqual([]);
    expect(same).toBeGreaterThan(1500);
  });
});

function printed(bytes: Uint8Array, features: Features): Uint8Array | null {
  try {
    return printModule(decode(bytes, features), features);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return null;
  }
}

describe.skipIf(!present)("suite 3.0", () => {
  test("has every instruction of the table", { timeout: 60000 }, () => {
    const seen = new Set<string>();
    for (const name of scripts("3.0")) {
      const text = readFileSync(join(ROOT, "3.0", name), "latin1");
      for (const word of text.match(/[a-z][a-z0-9_.]+/g) ?? []) seen.add(word);
    }
    const missing = INSTRUCTIONS.filter((row) => !seen.has(row.keyword)).map((row) => row.name);
    expect(missing).toEqual([]);
  });
});

describe.skipIf(!existsSync(join(ROOT, "custom")))("custom annotations", () => {
  test.each(["custom", "name"])("suite %s", (name) => {
    const folder = join("custom", name);
    for (const file of scripts(folder)) {
      for (const command of read(folder, file)) {
        if (command.module === null) throw new Error("only modules are expected here");
        const isMalformed = typeof assemble(command.module, WASM_3_0) === "string";
        expect([command.line, isMalformed]).toEqual([
          command.line,
          command.kind === wast.ASSERT_MALFORMED_CUSTOM,
        ]);
      }
    }
  });
});

describe.skipIf(!existsSync(join(ROOT, "proposals")))("proposals", () => {
  test.each([
    "threads",
    "custom-page-sizes",
    "wide-arithmetic",
    "custom-descriptors",
    "stack-switching",
  ])("scripts of %s parse", (name) => {
    const commands = scripts(join("proposals", name)).map((file) => read(join("proposals", name), file));
    expect(commands.length).toBeGreaterThan(0);
    for (const script of commands) expect(script.length).toBeGreaterThan(0);
  });
});
