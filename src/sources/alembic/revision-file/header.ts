/**
 * The header of a revision file worked out statement by statement, for files whose names are bound in an unusual way:
 * chained, concatenated, through other names, under conditions. What only running code could know is `unknown`.
 * Knows Python's meaning of a module level; refuses to know what a revision is.
 * Longer than most files here: statements and the values in them know the same names.
 */
import type { Expression, FormatPart, FunctionSyntax, Statement } from '../python/ast.ts';
import type { ParsedModule } from '../python/parse.ts';
import { childStatements, expressionsOf, ownExpressions, walkExpression } from '../python/walk.ts';

export type HeaderValue =
  | { kind: 'text'; text: string }
  | { kind: 'none' }
  | { kind: 'list'; items: HeaderValue[]; made: 'list' | 'tuple' | 'set' }
  /** `text`: as Python writes it; null where that is not simple. */
  | { kind: 'number'; value: number; text: string | null }
  | { kind: 'flag'; value: boolean }
  /** Known to be none of these: bytes, a dict, a function. */
  | { kind: 'other'; what: string }
  | { kind: 'unknown'; why: string };

export interface Binding {
  value: HeaderValue;
  /** Offset of the statement that bound it. */
  at: number;
  /** Where an import took it from. */
  imported?: Omit<ImportedConstant, 'attributes'>;
}

export type Bindings = Map<string, Binding>;

/** A name of another module: `from {module} import {name}`, or `import {module}`, and the attributes that follow. */
export interface ImportedConstant {
  module: string;
  /** Dots before it. */
  level: number;
  /** Null: the module itself was imported. */
  name: string | null;
  attributes: readonly string[];
}

export type ImportedConstants = (imported: ImportedConstant) => HeaderValue | null;

/** Every name of the module level after the file has run, as far as reading tells. */
export function moduleBindings(module: ParsedModule, constants: ImportedConstants = () => null): Bindings {
  const scope = new ModuleScope(module.text, constants);
  scope.run(module.statements.map((top) => top.statement));
  return scope.bindings;
}

const unknown = (why: string): HeaderValue => ({ kind: 'unknown', why });
const onlyRunning = 'an expression that reading does not work out';
const namespaceAnywhere = /^(?:(?:builtins\.)?(?:globals|exec)|\w+\.__globals__)$/;
/** In a function or a class they are the names of that. */
const namespaceHere = /^(?:sys\.modules|vars\(\)|locals\(\))$/;
const word = /(?<![.\p{L}\p{N}_])[\p{L}_][\p{L}\p{N}_]*/gu;

/** Functions that loading the file cannot run: of no decorator, and named by nothing that runs. `upgrade` is mostly one. */
function neverCalled(statements: readonly Statement[]): Set<Statement> {
  const idle = new Map<string, Set<Statement>>();
  const open: Statement[] = [];
  for (const statement of statements) {
    if (statement.kind !== 'function' || statement.function.decorators.length > 0) open.push(statement);
    else idle.set(statement.function.name, (idle.get(statement.function.name) ?? new Set()).add(statement));
  }
  // Defaults are worked out where the function stands.
  const named = (expression: Expression) =>
    walkExpression(expression, (inner) => {
      if (inner.kind !== 'name') return;
      open.push(...(idle.get(inner.name) ?? []));
      idle.delete(inner.name);
    });
  for (const functions of [...idle.values()])
    for (const each of functions) for (const expression of ownExpressions(each)) named(expression);
  for (let at = open.pop(); at !== undefined; at = open.pop())
    for (const expression of expressionsOf(at)) named(expression);
  return new Set([...idle.values()].flatMap((functions) => [...functions]));
}

class ModuleScope {
  bindings: Bindings = new Map();
  /** Names that a function or a class of the file declares `global`: a call anywhere may bind them. */
  private readonly boundElsewhere = new Set<string>();
  private writesNamespace = false;
  private readonly text: string;
  private readonly constants: ImportedConstants;

  constructor(text: string, constants: ImportedConstants) {
    this.text = text;
    this.constants = constants;
  }

  run(statements: Statement[]): void {
    const idle = neverCalled(statements);
    for (const statement of statements) if (!idle.has(statement)) this.lookAhead(statement, false);
    for (const name of this.boundElsewhere) this.set(name, unknown(''), 0);
    this.block(statements);
    if (this.writesNamespace) this.forgetAll('the file writes into its own namespace');
  }

  /** What the rest of the file may do to the module's names while it loads, whoever calls it. */
  private lookAhead(statement: Statement, isInside: boolean): void {
    if (statement.kind === 'scope' && statement.isGlobal && isInside)
      for (const name of statement.names) this.boundElsewhere.add(name);
    for (const expression of ownExpressions(statement)) {
      walkExpression(expression, (inner) => {
        const text = inner.to - inner.from < 40 ? this.textOf(inner) : '';
        if (namespaceAnywhere.test(text) || (!isInside && namespaceHere.test(text))) this.writesNamespace = true;
      });
    }
    const isInner = isInside || statement.kind === 'function' || statement.kind === 'class';
    for (const block of childStatements(statement)) for (const inner of block) this.lookAhead(inner, isInner);
  }

  private set(name: string, value: HeaderValue, at: number, imported?: Binding['imported']): void {
    if (this.boundElsewhere.has(name))
      this.bindings.set(name, { value: unknown(`a function of the file sets ${name}`), at });
    else this.bindings.set(name, { value, at, ...(imported && { imported }) });
  }

  /** False: what follows it is never reached. */
  private block(statements: Statement[]): boolean {
    return statements.every((statement) => {
      for (const expression of ownExpressions(statement)) this.sideEffects(expression, statement.from);
      return this.statement(statement);
    });
  }

  private statement(statement: Statement): boolean {
    const at = statement.from;
    switch (statement.kind) {
      case 'assign': {
        const value = this.value(statement.value);
        for (const target of statement.targets) this.bind(target, value, at);
        return true;
      }
      case 'annotated':
        if (statement.value) this.bind(statement.target, this.value(statement.value), at);
        return true;
      case 'augmented':
        this.augment(statement, at);
        return true;
      case 'import':
        for (const { name, as } of statement.names) {
          const [top] = name.split('.') as [string];
          const imported = { module: as === null ? top : name, level: 0, name: null };
          this.set(as ?? top, unknown('it is imported'), at, imported);
        }
        return true;
      case 'importFrom':
        this.importFrom(statement, at);
        return true;
      case 'function':
        this.define(statement.function, at);
        return true;
      case 'class':
        this.define(statement, at);
        return true;
      case 'delete':
        for (const target of statement.targets) this.unbind(target);
        return true;
      case 'if':
        return this.conditional(statement);
      case 'with':
        for (const { target } of statement.items) if (target) this.bind(target, unknown('it is bound by `with`'), at);
        return this.block(statement.body);
      case 'try':
        return this.attempt(statement);
      case 'for':
      case 'while':
        this.loop(statement);
        return true;
      case 'match':
        this.forgetWords(statement, 'it is bound in a match');
        return true;
      case 'unreadable':
        this.forgetWords(statement, statement.reason);
        return true;
      case 'raise':
        return false;
      default:
        return true;
    }
  }

  private bind(target: Expression, value: HeaderValue, at: number): void {
    if (target.kind === 'name') this.set(target.name, value, at);
    else if (target.kind === 'subscript') this.changed(target.object);
    else if (target.kind === 'star') this.bind(target.value, unknown('it takes what others leave'), at);
    else if (target.kind === 'tuple' || target.kind === 'list') {
      const { items } = target;
      const fits =
        value.kind === 'list' &&
        value.made !== 'set' &&
        value.items.length === items.length &&
        !items.some((item) => item.kind === 'star');
      items.forEach((item, index) => {
        const part = fits ? value.items[index] : undefined;
        this.bind(item, part ?? unknown('it is unpacked from a value that is not known'), at);
      });
    }
  }

  private unbind(target: Expression): void {
    if (target.kind === 'name') this.bindings.delete(target.name);
    else if (target.kind === 'subscript') this.changed(target.object);
    else if (target.kind === 'tuple' || target.kind === 'list') for (const item of target.items) this.unbind(item);
  }

  private augment({ target, operator, value }: Statement & { kind: 'augmented' }, at: number): void {
    if (target.kind === 'subscript') this.changed(target.object);
    if (target.kind !== 'name') return;
    const before = this.bindings.get(target.name)?.value ?? unknown(`${target.name} is not bound before`);
    let after = unknown('it is changed by an operator');
    if (operator === '+') {
      let added = this.value(value);
      // A list takes in whatever it can run over, and is the same list afterwards.
      if (added.kind === 'list' && isKind(before, 'list') && added.made === 'tuple') added = { ...added, made: 'list' };
      after = add(before, added);
    }
    this.changed(target);
    this.set(target.name, after, at);
  }

  private importFrom({ level, module, names }: Statement & { kind: 'importFrom' }, at: number): void {
    // A star may bring any name; those bound later win over it.
    if (names === '*') this.forgetAll('a star import after it may bind it again');
    else for (const { name, as } of names) this.set(as ?? name, unknown('it is imported'), at, { module, level, name });
  }

  private define({ name, decorators }: Pick<FunctionSyntax, 'name' | 'decorators'>, at: number): void {
    const isBare = decorators.length === 0;
    this.set(name, isBare ? { kind: 'other', what: 'a definition' } : unknown('a decorator makes it'), at);
  }

  private conditional(statement: Statement & { kind: 'if' }): boolean {
    const before = this.bindings;
    const outcomes: Bindings[] = [];
    let isDecided = false;
    for (const { test, body } of [...statement.branches, { test: null, body: statement.otherwise }]) {
      const truth = test === null ? true : this.truth(test);
      if (truth === false) continue;
      this.bindings = new Map(before);
      if (this.block(body)) outcomes.push(this.bindings);
      this.bindings = before;
      isDecided = truth === true;
      if (isDecided) break;
    }
    return this.merge(outcomes, 'it hangs on a condition');
  }

  private attempt(statement: Statement & { kind: 'try' }): boolean {
    const why = 'it hangs on whether an error comes';
    const before = new Map(this.bindings);
    const outcomes: Bindings[] = [];
    const reachesElse = this.block(statement.body);
    const tried = this.bindings;
    this.bindings = new Map(tried);
    if (reachesElse && this.block(statement.otherwise)) outcomes.push(this.bindings);
    for (const handler of statement.handlers) {
      this.bindings = new Map(before);
      this.differing(tried, why, statement.from);
      if (handler.name !== null) this.set(handler.name, unknown('it is the error'), statement.from);
      const goesOn = this.block(handler.body);
      if (handler.name !== null) this.bindings.delete(handler.name);
      if (goesOn) outcomes.push(this.bindings);
    }
    const goesOn = this.merge(outcomes, why);
    return this.block(statement.finally) && goesOn;
  }

  /** Runs the body until no turn of it makes another name unknown. */
  private loop(statement: Statement & { kind: 'for' | 'while' }): void {
    const why = 'it is bound in a loop';
    const before = this.bindings;
    for (let count = -1; count !== unknowns(before); ) {
      count = unknowns(before);
      this.bindings = new Map(before);
      if (statement.kind === 'for') this.bind(statement.target, unknown(why), statement.from);
      this.block(statement.body);
      this.block(statement.otherwise);
      const after = this.bindings;
      this.bindings = before;
      this.differing(after, why, statement.from);
    }
  }

  /** Goes on with what all the outcomes agree on; false where there is none. */
  private merge(outcomes: Bindings[], why: string): boolean {
    const [first, ...others] = outcomes;
    if (first === undefined) return false;
    this.bindings = first;
    for (const other of others) this.differing(other, why, 0);
    return true;
  }

  /** Makes unknown what another way through the file binds in another way. */
  private differing(other: Bindings, why: string, at: number): void {
    for (const name of new Set([...this.bindings.keys(), ...other.keys()])) {
      const [mine, theirs] = [this.bindings.get(name), other.get(name)];
      if (mine !== theirs && JSON.stringify({ ...mine, at }) !== JSON.stringify({ ...theirs, at }))
        this.set(name, unknown(why), mine?.at ?? theirs?.at ?? at);
    }
  }

  private forgetAll(why: string): void {
    for (const [name, { at }] of this.bindings) this.set(name, unknown(why), at);
  }

  /** Of a statement whose parts are not told apart: whatever it names. */
  private forgetWords(statement: Statement, why: string): void {
    for (const [name] of this.textOf(statement).matchAll(word)) this.set(name, unknown(why), statement.from);
  }

  /** What an expression does beside having a value. */
  private sideEffects(expression: Expression, at: number): void {
    walkExpression(expression, (inner) => {
      if (inner.kind === 'assignment') this.set(inner.name, unknown('it is bound inside an expression'), at);
      if (inner.kind !== 'call') return;
      const { callee, args } = inner;
      if (callee.kind === 'attribute') this.changed(callee.object);
      // What Python brings along changes no list that it is handed.
      const { kind } = callee.kind === 'attribute' ? callee.object : callee;
      const isBuiltin = callee.kind === 'name' ? !this.bindings.has(callee.name) : kind === 'constant';
      if (!isBuiltin) for (const arg of args) this.changed(arg.value);
    });
  }

  /** Somebody may have changed the list that an expression names: so it is for all who hold it. */
  private changed(expression: Expression): void {
    const list = expression.kind === 'name' ? this.bindings.get(expression.name)?.value : undefined;
    if (list === undefined || !isKind(list, 'list')) return;
    for (const [name, { value, at }] of this.bindings)
      if (holds(value, list)) this.set(name, unknown('it is a list that the file changes'), at);
  }

  /** True or false where reading tells; null where not. */
  private truth(expression: Expression): boolean | null {
    const value = this.value(expression);
    switch (value.kind) {
      case 'text':
        return value.text !== '';
      case 'none':
        return false;
      case 'list':
        return value.items.length > 0;
      case 'number':
        return value.value !== 0;
      case 'flag':
        return value.value;
      default:
        return null;
    }
  }

  private value(expression: Expression): HeaderValue {
    switch (expression.kind) {
      case 'constant':
        switch (expression.of) {
          case 'none':
            return { kind: 'none' };
          case 'bool':
            return { kind: 'flag', value: expression.value as boolean };
          case 'string':
            return { kind: 'text', text: expression.value as string };
          case 'int':
          case 'float': {
            const value = Number(expression.value);
            const isShort = expression.of === 'int' || value === 0 || (value >= 1e-4 && value < 1e16);
            const fraction = expression.of === 'float' && Number.isInteger(value) ? '.0' : '';
            return { kind: 'number', value, text: isShort ? `${expression.value}${fraction}` : null };
          }
          default:
            return { kind: 'other', what: expression.of === 'bytes' ? 'bytes' : 'neither text nor a list' };
        }
      case 'format':
        return expression.parts.map((part) => this.formatted(part)).reduce(add, { kind: 'text', text: '' });
      case 'name': {
        const value = this.imported(expression) ?? this.bindings.get(expression.name)?.value;
        if (expression.name === 'TYPE_CHECKING' && value?.kind !== 'flag') return { kind: 'flag', value: false };
        return value ?? unknown(`the name ${expression.name} is not bound in the file`);
      }
      case 'attribute':
        return this.imported(expression) ?? this.unread(expression);
      case 'tuple':
      case 'list':
      case 'set': {
        const { items, kind: made } = expression;
        if (items.some((item) => item.kind === 'star')) return unknown('a starred element');
        return { kind: 'list', made, items: items.map((item) => this.value(item)) };
      }
      case 'binary':
        if (expression.operator !== '+') return unknown(onlyRunning);
        return add(this.value(expression.left), this.value(expression.right));
      case 'unary': {
        const truth = expression.operator === 'not' ? this.truth(expression.operand) : null;
        return truth === null ? this.unread(expression) : { kind: 'flag', value: !truth };
      }
      case 'logical': {
        const truth = this.truth(expression.left);
        if (truth === null) return unknown('it hangs on a condition');
        return truth === (expression.operator === 'or') ? this.value(expression.left) : this.value(expression.right);
      }
      case 'compare': {
        // A module that is loaded is never the main one.
        const main = /^__name__\s*([=!]=)\s*(?:'__main__'|"__main__")$/.exec(this.textOf(expression));
        return main === null ? this.unread(expression) : { kind: 'flag', value: main[1] === '!=' };
      }
      case 'conditional': {
        const truth = this.truth(expression.test);
        if (truth === null) return unknown('it hangs on a condition');
        return this.value(truth ? expression.whenTrue : expression.otherwise);
      }
      case 'call':
        return this.call(expression);
      case 'assignment':
        return this.value(expression.value);
      case 'dict':
      case 'lambda':
        return { kind: 'other', what: 'neither text nor a list' };
      case 'unreadable':
        return unknown(expression.reason);
      default:
        return this.unread(expression);
    }
  }

  private textOf({ from, to }: { from: number; to: number }): string {
    return this.text.slice(from, to);
  }

  private unread(expression: Expression): HeaderValue {
    const line = this.textOf(expression).replace(/\s+/g, ' ');
    return unknown(`\`${line.length > 60 ? `${line.slice(0, 57)}…` : line}\` is only known when it runs`);
  }

  /** Only text and whole numbers come out as they stand. */
  private formatted(part: FormatPart): HeaderValue {
    if (typeof part === 'string') return { kind: 'text', text: part };
    const value = this.value(part.value);
    if (value.kind === 'unknown') return value;
    const text = value.kind === 'text' || value.kind === 'number' ? value.text : null;
    const isPlain = part.selfText === null && !part.spec?.length && (part.conversion ?? 's') === 's';
    return text === null || !isPlain ? unknown('a format in an f-string') : { kind: 'text', text };
  }

  /** A constant of another module, by the name or the attributes that lead to it. */
  private imported(expression: Expression): HeaderValue | null {
    const attributes: string[] = [];
    let root = expression;
    for (; root.kind === 'attribute'; root = root.object) attributes.unshift(root.name);
    const source = root.kind === 'name' ? this.bindings.get(root.name)?.imported : undefined;
    if (source === undefined) return null;
    // Never true while a module is loaded.
    if ((attributes[attributes.length - 1] ?? source.name) === 'TYPE_CHECKING') return { kind: 'flag', value: false };
    const value = this.constants({ ...source, attributes });
    return value === null || value.kind === 'unknown' ? null : value;
  }

  /** `tuple(…)`, `list(…)`, `str(…)` of what is known; every other call is running code. */
  private call(expression: Expression & { kind: 'call' }): HeaderValue {
    const { callee, args } = expression;
    const [only] = args;
    if (
      callee.kind !== 'name' ||
      args.length > 1 ||
      (only !== undefined && only.kind !== 'positional') ||
      this.bindings.has(callee.name)
    )
      return this.unread(expression);
    const { name } = callee;
    const argument = only === undefined ? null : this.value(only.value);
    if ((name === 'tuple' || name === 'list') && (argument === null || argument.kind === 'list'))
      return { kind: 'list', made: name, items: argument?.items ?? [] };
    if (name === 'str' && argument?.kind === 'text') return argument;
    return this.unread(expression);
  }
}

function isKind(value: HeaderValue, made: 'list' | 'tuple'): boolean {
  return value.kind === 'list' && value.made === made;
}

function holds(value: HeaderValue, list: HeaderValue): boolean {
  return value === list || (value.kind === 'list' && value.items.some((item) => holds(item, list)));
}

function unknowns(bindings: Bindings): number {
  let count = 0;
  for (const { value } of bindings.values()) if (value.kind === 'unknown') count++;
  return count;
}

function add(left: HeaderValue, right: HeaderValue): HeaderValue {
  if (left.kind === 'unknown') return left;
  if (right.kind === 'unknown') return right;
  if (left.kind === 'text' && right.kind === 'text') return { kind: 'text', text: left.text + right.text };
  if (left.kind === 'list' && right.kind === 'list' && left.made === right.made && left.made !== 'set')
    return { kind: 'list', made: left.made, items: [...left.items, ...right.items] };
  return unknown('an addition that reading does not work out');
}
