/**
 * The syntax of the Python that migrations use, as plain data: what the evaluator walks.
 * Offsets are into the text as read. Refuses to know the parser that made it and what anything means.
 */

interface Placed {
  from: number;
  to: number;
}

export type Constant = {
  kind: 'constant';
  value: string | number | bigint | boolean | null | 'ellipsis';
  of: 'string' | 'bytes' | 'int' | 'float' | 'bool' | 'none' | 'ellipsis';
};

/** A piece of an f-string: text, or a replacement with its conversion and format. */
export type FormatPart =
  | string
  | { value: Expression; conversion: string | null; spec: FormatPart[] | null; selfText: string | null };

export interface Clause {
  target: Expression;
  iterable: Expression;
  conditions: Expression[];
}

export interface Argument {
  kind: 'positional' | 'named' | 'star' | 'doubleStar';
  name: string | null;
  value: Expression;
}

export interface Parameter {
  kind: 'plain' | 'star' | 'doubleStar' | 'keywordOnly';
  name: string;
  fallback: Expression | null;
}

export type Expression = Placed &
  (
    | Constant
    | { kind: 'name'; name: string }
    | { kind: 'format'; parts: FormatPart[] }
    | { kind: 'tuple' | 'list' | 'set'; items: Expression[] }
    | { kind: 'dict'; items: { key: Expression | null; value: Expression }[] }
    | {
        kind: 'comprehension';
        makes: 'list' | 'set' | 'dict' | 'generator';
        key: Expression | null;
        element: Expression;
        clauses: Clause[];
      }
    | { kind: 'attribute'; object: Expression; name: string }
    | { kind: 'subscript'; object: Expression; index: Expression }
    | { kind: 'slice'; lower: Expression | null; upper: Expression | null; step: Expression | null }
    | { kind: 'call'; callee: Expression; args: Argument[] }
    | { kind: 'binary'; operator: string; left: Expression; right: Expression }
    | { kind: 'unary'; operator: string; operand: Expression }
    | { kind: 'logical'; operator: 'and' | 'or'; left: Expression; right: Expression }
    | { kind: 'compare'; first: Expression; rest: { operator: string; right: Expression }[] }
    | { kind: 'conditional'; test: Expression; whenTrue: Expression; otherwise: Expression }
    | { kind: 'lambda'; parameters: Parameter[]; body: Expression }
    | { kind: 'assignment'; name: string; value: Expression }
    | { kind: 'await'; value: Expression }
    | { kind: 'yield'; value: Expression | null; isFrom: boolean }
    | { kind: 'star'; value: Expression }
    | { kind: 'unreadable'; reason: string }
  );

export interface FunctionSyntax extends Placed {
  name: string;
  parameters: Parameter[];
  isAsync: boolean;
  isGenerator: boolean;
  decorators: Expression[];
  /** The annotation behind `->`. */
  returns?: Expression;
  /** Converted at the first call. */
  readonly body: Statement[];
}

export interface Handler {
  types: Expression | null;
  name: string | null;
  body: Statement[];
}

export interface ImportedName {
  /** Dotted, as written. */
  name: string;
  as: string | null;
}

export type Pattern =
  | { kind: 'value'; value: Expression }
  | { kind: 'capture'; name: string | null }
  | { kind: 'or'; patterns: Pattern[] }
  | { kind: 'unreadable' };

export type Statement = Placed &
  (
    | { kind: 'expression'; value: Expression }
    | { kind: 'assign'; targets: Expression[]; value: Expression }
    | { kind: 'annotated'; target: Expression; annotation: Expression; value: Expression | null }
    | { kind: 'augmented'; target: Expression; operator: string; value: Expression }
    | { kind: 'delete'; targets: Expression[] }
    | { kind: 'pass' | 'break' | 'continue' }
    | { kind: 'return'; value: Expression | null }
    | { kind: 'raise'; value: Expression | null }
    | { kind: 'assert'; test: Expression }
    | { kind: 'scope'; names: string[]; isGlobal: boolean }
    | { kind: 'import'; names: ImportedName[] }
    | { kind: 'importFrom'; level: number; module: string; names: ImportedName[] | '*' }
    | { kind: 'if'; branches: { test: Expression; body: Statement[] }[]; otherwise: Statement[] }
    | { kind: 'while'; test: Expression; body: Statement[]; otherwise: Statement[] }
    | { kind: 'for'; target: Expression; iterable: Expression; body: Statement[]; otherwise: Statement[] }
    | { kind: 'try'; body: Statement[]; handlers: Handler[]; otherwise: Statement[]; finally: Statement[] }
    | { kind: 'with'; items: { value: Expression; target: Expression | null }[]; body: Statement[] }
    | { kind: 'match'; subject: Expression; cases: { pattern: Pattern; guard: Expression | null; body: Statement[] }[] }
    | { kind: 'function'; function: FunctionSyntax }
    | { kind: 'class'; name: string; args: Argument[]; decorators: Expression[]; body: Statement[] }
    | { kind: 'unreadable'; reason: string }
  );
