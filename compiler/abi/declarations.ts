// Tables of symbols that the compiler's own code refers to by name: functions of the run time (helpers.ts), and what
// the process provides (runtime/process.ts). A row gives a symbol its kind and, for a function, its signature.

import { unreachable } from "../base/fail.ts";
import type { Program } from "../ir/program.ts";

export class Declaration {
  readonly name: string;
  /** SYM_… of program.ts. */
  readonly kind: number;
  /** Null for data. */
  readonly params: readonly number[] | null;
  readonly results: readonly number[];
  readonly convention: number;

  constructor(
    name: string,
    kind: number,
    params: readonly number[] | null,
    results: readonly number[],
    convention: number,
  ) {
    this.name = name;
    this.kind = kind;
    this.params = params;
    this.results = results;
    this.convention = convention;
  }
}

export class Declarations {
  readonly rows: readonly Declaration[];
  /** What stands before the names of the rows in those of their symbols. */
  private readonly prefix: string;
  private readonly byName: ReadonlyMap<string, Declaration>;

  constructor(prefix: string, rows: readonly Declaration[]) {
    this.rows = rows;
    this.prefix = prefix;
    this.byName = new Map(rows.map((row) => [row.name, row]));
    if (this.byName.size !== rows.length) unreachable("a name is declared twice");
  }

  /** The number of `name`'s symbol; a function's signature stands with the symbol. */
  symbol(program: Program, name: string): number {
    const row = this.byName.get(name) ?? unreachable(`${this.prefix}${name} is not declared`);
    const { kind, params, results, convention } = row;
    const signature = params === null ? -1 : program.signature(params, results, convention);
    return program.symbol(this.prefix + name, kind, signature);
  }
}
