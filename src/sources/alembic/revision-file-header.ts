/**
 * The header of a revision file worked out statement by statement, for files whose names are bound in an unusual way:
 * chained, concatenated, through other names, under conditions. What only running code could know is `unknown`.
 * Knows Python's meaning of a module level; refuses to know what a revision is.
 */
import { createRequire } from 'node:module';
import type { SyntaxNode } from '@lezer/common';
import { splitLiteral, unescapePython } from './revision-file-string.ts';

export type HeaderValue =
  | { kind: 'text'; text: string }
  | { kind: 'none' }
  | { kind: 'list'; items: HeaderValue[]; isSet: boolean }
  | { kind: 'number'; value: number }
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

type LezerPython = typeof import('@lezer/python');
let lezer: LezerPython | null = null;

/** Loaded when the first unusual file comes: most projects have none. */
function parser(): LezerPython['parser'] {
  lezer ??= createRequire(import.meta.url)('@lezer/python') as LezerPython;
  return lezer.parser;
}

/** Offset of the first place that the real parser cannot make sense of; null where there is none. */
export function firstSyntaxError(text: string): number | null {
  const cursor = parser().parse(text).cursor();
  do if (cursor.type.isError) return cursor.from;
  while (cursor.next());
  return null;
}

/** Every name of the module level after the file has run, as far as reading tells. */
export function moduleBindings(text: string, constants: ImportedConstants = () => null): Bindings {
  const scope = new ModuleScope(text, constants);
  scope.run(parser().parse(text).topNode);
  return scope.bindings;
}

const none: HeaderValue = { kind: 'none' };
const unknown = (why: string): HeaderValue => ({ kind: 'unknown', why });

class ModuleScope {
  readonly bindings: Bindings = new Map();
  private readonly text: string;
  /** Names that a function of the file declares `global`: a call anywhere may bind them. */
  private readonly reboundLater = new Set<string>();
  private readonly constants: ImportedConstants;

  constructor(text: string, constants: ImportedConstants) {
    this.text = text;
    this.constants = constants;
  }

  run(top: SyntaxNode): void {
    this.statements(top);
    const cursor = top.cursor();
    do {
      if (cursor.name === 'ScopeStatement' && this.slice(cursor.node).startsWith('global'))
        for (const name of children(cursor.node))
          if (name.name === 'VariableName') this.reboundLater.add(this.slice(name));
      if (cursor.name === 'CallExpression' && /^(?:globals|exec|vars|locals)\s*\(/.test(this.slice(cursor.node))) {
        for (const [name, binding] of this.bindings)
          this.bindings.set(name, { ...binding, value: unknown('the file writes into its own namespace') });
      }
    } while (cursor.next());
    for (const name of this.reboundLater) {
      const binding = this.bindings.get(name);
      this.bindings.set(name, { at: binding?.at ?? 0, value: unknown(`a function of the file sets ${name}`) });
    }
  }

  private slice(node: SyntaxNode): string {
    return this.text.slice(node.from, node.to);
  }

  private bind(name: string, value: HeaderValue, at: number, imported?: Binding['imported']): void {
    this.bindings.set(name, { value, at, ...(imported === undefined ? {} : { imported }) });
  }

  private statements(parent: SyntaxNode): void {
    for (const node of children(parent)) this.statement(node);
  }

  private statement(node: SyntaxNode): void {
    switch (node.name) {
      case 'AssignStatement':
        this.assign(node);
        return;
      case 'UpdateStatement':
        this.update(node);
        return;
      case 'StatementGroup':
        this.statements(node);
        return;
      case 'ImportStatement':
        this.importNames(node);
        return;
      case 'FunctionDefinition':
      case 'ClassDefinition': {
        const name = node.getChild('VariableName');
        if (name) this.bind(this.slice(name), { kind: 'other', what: 'a definition' }, node.from);
        return;
      }
      case 'DecoratedStatement':
        this.statements(node);
        return;
      case 'DeleteStatement':
        for (const name of node.getChildren('VariableName')) this.bindings.delete(this.slice(name));
        return;
      case 'IfStatement':
        this.conditional(node);
        return;
      case 'WithStatement':
        this.asNames(node);
        for (const body of node.getChildren('Body')) this.statements(body);
        return;
      case 'TryStatement':
        this.attempt(node);
        return;
      case 'ForStatement':
      case 'WhileStatement':
      case 'MatchStatement':
        this.forget(node, 'it is bound in a loop or a match');
        return;
      case 'ExpressionStatement':
        // A walrus binds as well.
        this.forgetWalrus(node);
        return;
      default:
        return;
    }
  }

  private assign(node: SyntaxNode): void {
    const parts: SyntaxNode[][] = [[]];
    for (const child of children(node)) {
      if (child.name === 'AssignOp') parts.push([]);
      else if (child.name !== 'TypeDef' && child.name !== 'Comment')
        (parts[parts.length - 1] as SyntaxNode[]).push(child);
    }
    if (parts.length < 2) return;
    const valueParts = parts.pop() as SyntaxNode[];
    const value = this.valueOfParts(valueParts);
    for (const target of parts) this.bindTarget(target, value, node.from);
    this.forgetWalrus(node);
  }

  /** A right side without brackets and with commas is a tuple. */
  private valueOfParts(parts: SyntaxNode[]): HeaderValue {
    if (parts.some((part) => part.name === ',')) {
      return {
        kind: 'list',
        isSet: false,
        items: parts.filter((part) => part.name !== ',').map((part) => this.value(part)),
      };
    }
    const [only] = parts;
    return only === undefined ? unknown('an empty right side') : this.value(only);
  }

  private bindTarget(parts: SyntaxNode[], value: HeaderValue, at: number): void {
    let targets = parts.filter((part) => part.name !== ',');
    let isSequence = parts.some((part) => part.name === ',');
    while (
      !isSequence &&
      targets.length === 1 &&
      /^(?:TupleExpression|ArrayExpression|ParenthesizedExpression)$/.test(targets[0]!.name)
    ) {
      const inner = children(targets[0]!).filter((part) => !/^[()[\],]$/.test(part.name));
      isSequence = targets[0]!.name !== 'ParenthesizedExpression';
      targets = inner;
    }
    if (!isSequence) {
      const [target] = targets;
      if (target?.name === 'VariableName') this.bind(this.slice(target), value, at);
      else if (target !== undefined && /__dict__|globals/.test(this.slice(target)))
        this.forgetAll('the file writes into its own namespace');
      return;
    }
    const fits =
      value.kind === 'list' &&
      !value.isSet &&
      value.items.length === targets.length &&
      !targets.some((t) => t.name === '*');
    targets.forEach((target, i) => {
      this.bindTarget([target], fits ? value.items[i]! : unknown('it is unpacked from a value that is not known'), at);
    });
  }

  private update(node: SyntaxNode): void {
    const [target, , ...rest] = children(node);
    if (target?.name !== 'VariableName') return;
    const name = this.slice(target);
    const operator = node.getChild('UpdateOp');
    const before = this.bindings.get(name)?.value ?? unknown(`${name} is not bound before`);
    const value =
      operator !== null && this.slice(operator) === '+='
        ? add(before, this.valueOfParts(rest))
        : unknown('it is changed by an operator');
    this.bind(name, value, node.from);
  }

  private importNames(node: SyntaxNode): void {
    if (/\bimport\s*\*\s*$/.test(this.slice(node))) {
      // A star may bring any name; those bound later win over it.
      this.forgetAll('a star import after it may bind it again');
      return;
    }
    const isFrom = this.text.startsWith('from', node.from);
    let names = children(node).filter(
      (child) => child.name === 'VariableName' || child.name === 'as' || child.name === ',' || child.name === 'import',
    );
    if (isFrom) names = names.slice(names.findIndex((child) => child.name === 'import') + 1);
    const source = isFrom ? /^from\s+(\.*)\s*([\w.]*)\s+import\b/.exec(this.slice(node)) : null;
    let group: SyntaxNode[] = [];
    const flush = (): void => {
      const variables = group.filter((child) => child.name === 'VariableName');
      const bound =
        group.some((child) => child.name === 'as') || isFrom ? variables[variables.length - 1] : variables[0];
      if (bound) {
        const local = this.slice(bound);
        const isRenamed = group.some((child) => child.name === 'as');
        const dotted = (isRenamed ? variables.slice(0, -1) : [bound]).map((variable) => this.slice(variable)).join('.');
        this.bind(
          local,
          unknown('it is imported'),
          node.from,
          source === null
            ? { module: dotted, level: 0, name: null }
            : { module: source[2] as string, level: source[1]!.length, name: this.slice(variables[0] as SyntaxNode) },
        );
      }
      group = [];
    };
    for (const child of names) {
      if (child.name === ',') flush();
      else group.push(child);
    }
    flush();
  }

  private asNames(node: SyntaxNode): void {
    let sawAs = false;
    for (const child of children(node)) {
      if (child.name === 'Body') return;
      if (sawAs && child.name === 'VariableName')
        this.bind(this.slice(child), unknown('it is bound by `with`'), node.from);
      sawAs = child.name === 'as';
    }
  }

  private conditional(node: SyntaxNode): void {
    const parts = children(node);
    const outcomes: Bindings[] = [];
    const before = new Map(this.bindings);
    let isDecided = false;
    let hasElse = false;
    for (let i = 0; i < parts.length && !isDecided; i++) {
      const part = parts[i]!;
      let truth: boolean | null = null;
      if (part.name === 'if' || part.name === 'elif') truth = this.truth(parts[i + 1]);
      else if (part.name === 'else') {
        truth = true;
        hasElse = true;
      } else continue;
      const body = parts.slice(i).find((child) => child.name === 'Body');
      if (truth === false || body === undefined) continue;
      this.restore(before);
      this.statements(body);
      outcomes.push(new Map(this.bindings));
      if (truth === true) isDecided = true;
    }
    if (!isDecided && !hasElse) outcomes.push(new Map(before));
    this.merge(outcomes, before, 'it hangs on a condition');
  }

  private attempt(node: SyntaxNode): void {
    const before = new Map(this.bindings);
    let part = '';
    const outcomes: Bindings[] = [];
    let final: SyntaxNode | null = null;
    for (const child of children(node)) {
      if (/^(?:try|except|else|finally)$/.test(child.name)) part = child.name;
      if (child.name !== 'Body') continue;
      if (part === 'try' || part === 'else') {
        this.statements(child);
        if (part === 'else') outcomes.shift();
        outcomes.unshift(new Map(this.bindings));
      } else if (part === 'except') {
        const after = new Map(this.bindings);
        this.restore(before);
        this.statements(child);
        // A handler that only raises ends the file: no outcome.
        if (!children(child).some((statement) => statement.name === 'RaiseStatement'))
          outcomes.push(new Map(this.bindings));
        this.restore(after);
      } else final = child;
    }
    this.merge(outcomes, before, 'it hangs on whether an error comes');
    if (final !== null) this.statements(final);
  }

  private restore(bindings: Bindings): void {
    this.bindings.clear();
    for (const [name, binding] of bindings) this.bindings.set(name, binding);
  }

  private merge(outcomes: Bindings[], before: Bindings, why: string): void {
    this.restore(outcomes.length === 0 ? before : outcomes[0]!);
    if (outcomes.length < 2) return;
    const names = new Set(outcomes.flatMap((outcome) => [...outcome.keys()]));
    for (const name of names) {
      const first = outcomes[0]!.get(name);
      const agree = outcomes.every(
        (outcome) => JSON.stringify(outcome.get(name)?.value) === JSON.stringify(first?.value),
      );
      if (!agree)
        this.bind(
          name,
          unknown(why),
          outcomes.map((outcome) => outcome.get(name)?.at).find((at) => at !== undefined) ?? 0,
        );
    }
  }

  private forgetAll(why: string): void {
    for (const [name, binding] of this.bindings) this.bind(name, unknown(why), binding.at);
  }

  private forget(node: SyntaxNode, why: string): void {
    const cursor = node.cursor();
    do {
      if (cursor.from >= node.to) break;
      if (cursor.name === 'VariableName') this.bind(this.text.slice(cursor.from, cursor.to), unknown(why), node.from);
    } while (cursor.next() && cursor.from < node.to);
  }

  private forgetWalrus(node: SyntaxNode): void {
    const text = this.slice(node);
    if (!text.includes(':=')) return;
    for (const match of text.matchAll(/([\p{L}_][\p{L}\p{N}_]*)\s*:=/gu))
      this.bind(match[1]!, unknown('it is bound inside an expression'), node.from);
  }

  /** True or false where reading tells; null where not. */
  private truth(node: SyntaxNode | undefined): boolean | null {
    if (node === undefined) return null;
    const text = this.slice(node);
    // Never true while a module is loaded.
    if (/^(?:typing\.|t\.)?TYPE_CHECKING$/.test(text)) return false;
    if (/^__name__\s*==\s*(['"])__main__\1$/.test(text)) return false;
    const value = this.value(node);
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

  private value(node: SyntaxNode): HeaderValue {
    switch (node.name) {
      case 'None':
        return none;
      case 'Boolean':
        return { kind: 'flag', value: this.slice(node) === 'True' };
      case 'Number': {
        const number = Number(this.slice(node).replaceAll('_', ''));
        return Number.isNaN(number) ? unknown('a number in an unusual form') : { kind: 'number', value: number };
      }
      case 'String':
      case 'FormatString':
        return this.string(node);
      case 'ContinuedString':
        return children(node)
          .filter((child) => child.name === 'String' || child.name === 'FormatString')
          .map((child) => this.value(child))
          .reduce(add);
      case 'VariableName':
        return (
          this.imported(node) ??
          this.bindings.get(this.slice(node))?.value ??
          unknown(`the name ${this.slice(node)} is not bound in the file`)
        );
      case 'MemberExpression':
        return this.imported(node) ?? unknown(`\`${shorten(this.slice(node))}\` is only known when it runs`);
      case 'ParenthesizedExpression': {
        const inner = children(node).filter(
          (child) => child.name !== '(' && child.name !== ')' && child.name !== 'Comment',
        );
        return this.valueOfParts(inner);
      }
      case 'TupleExpression':
      case 'ArrayExpression':
      case 'SetExpression': {
        const items = children(node).filter((child) => !/^[()[\]{},]$/.test(child.name) && child.name !== 'Comment');
        if (items.some((item) => item.name === '*')) return unknown('a starred element');
        return { kind: 'list', isSet: node.name === 'SetExpression', items: items.map((item) => this.value(item)) };
      }
      case 'BinaryExpression': {
        const [left, operator, right] = children(node);
        if (left && right && operator && this.slice(operator) === '+') return add(this.value(left), this.value(right));
        return unknown('an expression that reading does not work out');
      }
      case 'ConditionalExpression': {
        const parts = children(node).filter((child) => child.name !== 'if' && child.name !== 'else');
        const truth = this.truth(parts[1]);
        if (truth === null) return unknown('it hangs on a condition');
        return this.value((truth ? parts[0] : parts[2])!);
      }
      case 'CallExpression':
        return this.call(node);
      case 'DictionaryExpression':
      case 'LambdaExpression':
        return { kind: 'other', what: 'neither text nor a list' };
      default:
        return unknown(`\`${shorten(this.slice(node))}\` is only known when it runs`);
    }
  }

  /** A constant of another module, by the name or the attributes that lead to it. */
  private imported(node: SyntaxNode): HeaderValue | null {
    const [name, ...attributes] = this.slice(node).split(/\s*\.\s*/);
    const source = this.bindings.get(name as string)?.imported;
    if (source === undefined || !attributes.every((attribute) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(attribute)))
      return null;
    const value = this.constants({ ...source, attributes });
    return value === null || value.kind === 'unknown' ? null : value;
  }

  /** `tuple(…)`, `list(…)`, `str(…)` of what is known; every other call is running code. */
  private call(node: SyntaxNode): HeaderValue {
    const callee = node.firstChild;
    const list = node.getChild('ArgList');
    const items = list === null ? [] : children(list).filter((child) => !/^[(),]$/.test(child.name));
    const [only] = items;
    if (callee?.name === 'VariableName' && items.length <= 1 && !this.bindings.has(this.slice(callee))) {
      const name = this.slice(callee);
      const argument = only === undefined ? null : this.value(only);
      if ((name === 'tuple' || name === 'list') && (argument === null || argument.kind === 'list'))
        return { kind: 'list', isSet: false, items: argument === null ? [] : argument.items };
      if (name === 'str' && argument?.kind === 'text') return argument;
    }
    return unknown(`\`${shorten(this.slice(node))}\` is only known when it runs`);
  }

  private string(node: SyntaxNode): HeaderValue {
    const parts = splitLiteral(this.slice(node));
    if (parts === null) return unknown('a string in an unusual form');
    if (parts.prefix.includes('b')) return { kind: 'other', what: 'bytes' };
    if (parts.prefix.includes('t')) return { kind: 'other', what: 'a template string' };
    const decode = (body: string): HeaderValue => {
      const text = parts.prefix.includes('r') ? body : unescapePython(body);
      return text === null ? unknown('an escape that only Python knows') : { kind: 'text', text };
    };
    if (!parts.prefix.includes('f')) return decode(parts.body);
    let value: HeaderValue = { kind: 'text', text: '' };
    let at = node.from + this.slice(node).indexOf(parts.body, parts.prefix.length + 1);
    const end = at + parts.body.length;
    for (const field of node.getChildren('FormatReplacement')) {
      value = add(value, decode(this.text.slice(at, field.from).replaceAll('{{', '{').replaceAll('}}', '}')));
      const inner = children(field).filter((child) => child.name !== '{' && child.name !== '}');
      const [expression] = inner;
      const inField =
        inner.length === 1 && expression !== undefined ? this.value(expression) : unknown('a format in an f-string');
      // Only text and numbers come out as they stand.
      value = add(
        value,
        inField.kind === 'number'
          ? { kind: 'text', text: String(inField.value) }
          : inField.kind === 'text'
            ? inField
            : inField.kind === 'unknown'
              ? inField
              : unknown('a format in an f-string'),
      );
      at = field.to;
    }
    return add(value, decode(this.text.slice(at, end).replaceAll('{{', '{').replaceAll('}}', '}')));
  }
}

function add(left: HeaderValue, right: HeaderValue): HeaderValue {
  if (left.kind === 'unknown') return left;
  if (right.kind === 'unknown') return right;
  if (left.kind === 'text' && right.kind === 'text') return { kind: 'text', text: left.text + right.text };
  if (left.kind === 'list' && right.kind === 'list' && !left.isSet && !right.isSet)
    return { kind: 'list', isSet: false, items: [...left.items, ...right.items] };
  return unknown('an addition that reading does not work out');
}

function children(node: SyntaxNode): SyntaxNode[] {
  const all: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) all.push(child);
  return all;
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
}
