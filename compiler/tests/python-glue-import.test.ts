// The glue at work: an image with everything in it, imported by every CPython that is installed; the checks are
// python-glue/check.py. The commands pythonX.Y are looked for on PATH and in pyenv; WASMPY_TEST_PYTHONS (separated
// by colons) adds others.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compile, DEFAULTS } from "../driver.ts";

const HERE = join(import.meta.dirname, "python-glue");

function run(command: string, args: readonly string[]): string {
  const result = spawnSync(command, args, {
    encoding: "utf8",
    cwd: HERE,
    timeout: 60_000,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  return result.error === undefined ? `${result.stdout}${result.stderr}` : "";
}

function works(command: string): boolean {
  return /^Python 3\.1\d/.test(run(command, ["-V"]));
}

/** Those of pyenv, whose commands on PATH work only for the chosen versions. */
function pyenvPythons(): string[] {
  const versions = join(process.env.PYENV_ROOT ?? join(homedir(), ".pyenv"), "versions");
  return existsSync(versions) ? readdirSync(versions).map((v) => join(versions, v, "bin", "python")) : [];
}

const given = (process.env.WASMPY_TEST_PYTHONS ?? "").split(":").filter((p) => p !== "");
const onPath = [10, 11, 12, 13, 14, 15].map((minor) => `python3.${minor}`);
const pythons = [...onPath, ...pyenvPythons(), ...given].filter(works);
if (pythons.length === 0 && works("python3")) pythons.push("python3");

let folder = "";

function build(leaf: string, level: number, checked: boolean, source = "everything.wat"): string {
  const path = join(folder, `${leaf}-${level}-${checked}.so`);
  const options = { ...DEFAULTS, leaf, level, checked, verified: true };
  const { bytes, diagnostic } = compile(readFileSync(join(HERE, source)), options);
  expect(diagnostic).toBeNull();
  writeFileSync(path, bytes);
  return path;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wasmpy-glue-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

test("there is a Python to test with", () => {
  expect(pythons.length).toBeGreaterThan(0);
});

test.each([
  [0, false],
  [2, false],
  [2, true],
])("level %i, checked %s", { timeout: 300_000 }, (level, checked) => {
  const image = build("m", level, checked);
  for (const python of pythons) {
    expect(run(python, ["-X", "faulthandler", "check.py", image]), python).toBe("ok\n");
  }
});

test("a start function that fails", { timeout: 60_000 }, () => {
  const image = build("start", 2, false, "start.wat");
  for (const python of pythons) expect(run(python, ["start.py", image]), python).toBe("ok\n");
});

test("names that are not identifiers", { timeout: 60_000 }, () => {
  for (const leaf of ["größe", "日本", "a-b", "ä-ö"]) {
    const code = `from load import Instance; print(Instance(${JSON.stringify(build(leaf, 0, false))}, "p.${leaf}", {
      **dict.fromkeys(["i", "multi", "ref", "fref", "void", "f32"], len), "gi": 1})["add"](1, 2))`;
    for (const python of pythons)
      expect(run(python, ["-c", code.replace(/\n\s*/g, " ")]), python).toBe("3\n");
  }
});

test("subinterpreters with a GIL of their own", { timeout: 60_000 }, () => {
  const image = build("m", 2, false);
  for (const python of pythons) {
    const output = run(python, ["subinterpreters.py", image]);
    expect(["ok\n", "no subinterpreters\n"], python).toContain(output);
  }
});
