/**
 * Rewrites of a seed as edits of its text, layout and comments kept: ids looked up by natural key, omitted columns filled,
 * silent skips made loud. Each is done once: a patched seed gives no further edit. Refuses what it cannot do, with the reason.
 */
import { quoteIdentifier, quoteQualified } from '../model/name.ts';
import type { TextEdit } from '../model/remedy.ts';
import type { SeedBlock, SeedGuard, SeedReading, SeedStatement } from '../model/seed.ts';
import { type SeedDependent, type SeedIdentity, type SeedWorld, seedIdentities } from './identities.ts';
import { fillColumn } from './patch-columns.ts';
import { loudGuards } from './patch-guards.ts';
import { afterStatement, indentAt, newLineOf } from './seed-text.ts';

export interface SeedPatchRequest {
  /** Look ids up by natural key wherever a seeded id is named again. */
  resolveIds?: boolean;
  /** Columns to fill, `schema.table` and name. */
  fillColumns?: readonly { table: string; column: string }[];
  /** Qualify existence probes and let them fail loudly; a list of `schema.table` limits it to those. */
  makeSkipsLoud?: boolean | readonly string[];
}

export interface SeedPatch {
  /** In order, not overlapping; offsets in the text that was read. */
  edits: TextEdit[];
  refused: { line: number; reason: string }[];
}

export function patchSeed(reading: SeedReading, world: SeedWorld, request: SeedPatchRequest): SeedPatch {
  const patch: SeedPatch = { edits: [], refused: [] };
  if (request.resolveIds) resolveIds(reading, world, patch);
  for (const { table, column } of request.fillColumns ?? []) fillColumn(reading, world, table, column, patch);
  if (request.makeSkipsLoud) {
    loudGuards(reading, world, request.makeSkipsLoud === true ? null : new Set(request.makeSkipsLoud), patch);
  }
  return { edits: merged(patch.edits), refused: patch.refused };
}

/** In order; an insertion at the place of a replacement goes before it, in one edit. */
function merged(edits: readonly TextEdit[]): TextEdit[] {
  const sorted = edits.map((edit, i) => ({ ...edit, i })).sort((a, b) => a.from - b.from || a.to - b.to || a.i - b.i);
  const result: TextEdit[] = [];
  for (const { from, to, text } of sorted) {
    const last = result.at(-1);
    if (last && last.to === from && last.from === last.to && from !== to)
      result[result.length - 1] = { from, to, text: last.text + text };
    else if (last && last.from === from && last.to === to && from === to) last.text += text;
    else if (!last || from >= last.to) result.push({ from, to, text });
  }
  return result;
}

function resolveIds(reading: SeedReading, world: SeedWorld, patch: SeedPatch): void {
  const names = new VariableNames(reading, world);
  const declarations = new Map<SeedBlock, string[]>();
  const lookups = new Map<number, string[]>();
  for (const identity of seedIdentities(reading, world)) {
    const block = blockOf(reading, identity.statement);
    const whole = wholeStatement(reading, identity.statement);
    let variable = identity.idVariable;
    const isOwn = variable !== null;
    let needsLookup = false;
    for (const dependent of identity.dependents) {
      const refusal = refusalOf(dependent);
      if (refusal) {
        patch.refused.push({ line: dependent.line, reason: refusal });
        continue;
      }
      const { from, to } = dependent.value.span;
      if (from >= whole.span.from && to <= whole.span.to) {
        // No look-up sees what the same statement makes: the row has the seed's id where none had its key before.
        patch.edits.push({ from, to, text: `COALESCE(${lookupOf(identity)}, ${reading.text.slice(from, to)})` });
        continue;
      }
      if (dependent.variable !== null && dependent.variable === identity.idVariable) {
        needsLookup = true;
        continue;
      }
      const usesVariable =
        block?.beginSpan &&
        isWithin(dependent.statement, block) &&
        followsGuards(identity.statement, dependent.statement);
      if (usesVariable) {
        variable ??= names.pick(identity, block);
        needsLookup = true;
        patch.edits.push({ ...dependent.value.span, text: variable });
      } else patch.edits.push({ ...dependent.value.span, text: lookupOf(identity) });
    }
    if (variable === null || !block || !needsLookup) continue;
    if (isOwn && block.variables.some(({ name, isConstant }) => isConstant && name === variable)) {
      patch.refused.push({
        line: identity.line,
        reason: `${variable} is CONSTANT: no look-up can give it the living id`,
      });
      continue;
    }
    if (!isOwn) declarations.set(block, [...(declarations.get(block) ?? []), `${variable} ${identity.idType};`]);
    const at = afterStatement(reading.text, whole.span.to);
    lookups.set(at, [...(lookups.get(at) ?? []), lookupInto(identity, variable)]);
  }
  for (const [at, statements] of lookups) {
    const indent = indentAt(reading.text, wholeAt(reading, at));
    const line = newLineOf(reading.text);
    patch.edits.push({
      from: at,
      to: at,
      text: statements.map((statement) => `${line}${indent}${statement}`).join(''),
    });
  }
  for (const [block, lines] of declarations) patch.edits.push(declare(reading.text, block, lines));
}

/** Offset of the statement that ends last before the offset: its indentation is taken on. */
function wholeAt(reading: SeedReading, at: number): number {
  let best = 0;
  let from = 0;
  for (const { span } of reading.statements) {
    if (span.to > at || span.to < best) continue;
    if (span.to > best || span.from < from) from = span.from;
    best = span.to;
  }
  return from;
}

function declare(text: string, block: SeedBlock, lines: readonly string[]): TextEdit {
  const line = newLineOf(text);
  if (block.declareSpan) {
    const first = block.variables[0];
    const indent = first ? lineIndent(text, first.line) : `${indentAt(text, block.declareSpan.from)}    `;
    return {
      from: block.declareSpan.to,
      to: block.declareSpan.to,
      text: lines.map((each) => `${line}${indent}${each}`).join(''),
    };
  }
  const at = block.beginSpan?.from as number;
  const indent = indentAt(text, at);
  return {
    from: at,
    to: at,
    text: `DECLARE${lines.map((each) => `${line}${indent}    ${each}`).join('')}${line}${indent}`,
  };
}

function lineIndent(text: string, line: number): string {
  const content = text.split('\n')[line - 1] ?? '';
  const indent = /^[ \t]*/.exec(content)?.[0] ?? '';
  return /^\s*declare\b/i.test(content) ? `${indent}    ` : indent;
}

function refusalOf(dependent: SeedDependent): string | null {
  if (dependent.statement.verb === 'copy')
    return `${dependent.table}.${dependent.column} is filled by COPY, which takes no look-up`;
  return null;
}

function condition(identity: SeedIdentity, text: (value: SeedIdentity['keyValues'][number]) => string): string {
  const parts = identity.keyColumns.map(
    (column, i) => `${quoteIdentifier(column)} = ${text(identity.keyValues[i] as SeedIdentity['keyValues'][number])}`,
  );
  if (identity.keyWhere !== null) parts.push(identity.keyWhere);
  return parts.join(' AND ');
}

function lookupOf(identity: SeedIdentity): string {
  const { table } = identity.statement;
  return `(SELECT ${quoteIdentifier(identity.idColumn)} FROM ${table ? quoteQualified(table) : ''} WHERE ${condition(identity, literalText)})`;
}

function lookupInto(identity: SeedIdentity, variable: string): string {
  const { table } = identity.statement;
  return `SELECT ${quoteIdentifier(identity.idColumn)} INTO STRICT ${variable} FROM ${table ? quoteQualified(table) : ''} WHERE ${condition(identity, literalText)};`;
}

function literalText(value: SeedIdentity['keyValues'][number]): string {
  const quoted = `'${(value.value ?? '').replaceAll("'", "''")}'`;
  const plain = quoted.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted;
  return value.type === null ? plain : `${plain}::${value.type}`;
}

function blockOf(reading: SeedReading, statement: SeedStatement): SeedBlock | null {
  return reading.blocks.find((block) => isWithin(statement, block)) ?? null;
}

function isWithin(statement: SeedStatement, block: SeedBlock): boolean {
  return statement.span.from >= block.bodySpan.from && statement.span.to <= block.bodySpan.to;
}

/** The statement that holds it: of an INSERT in WITH the whole query. */
function wholeStatement(reading: SeedReading, statement: SeedStatement): SeedStatement {
  return reading.statements.reduce(
    (widest, each) =>
      each.span.from <= widest.span.from && each.span.to >= widest.span.to && each.verb !== 'notice' ? each : widest,
    statement,
  );
}

/** Every guard around the upsert is around the other too, so that the one ran where the other does. */
function followsGuards(upsert: SeedStatement, other: SeedStatement): boolean {
  const same = (a: SeedGuard, b: SeedGuard): boolean => a.span.from === b.span.from && a.condition === b.condition;
  return upsert.guards.every((guard) => other.guards.some((each) => same(guard, each)));
}

/** Names for variables: taken from the id or the key, clashing with no variable and no column. */
class VariableNames {
  private readonly taken = new Set<string>();

  constructor(reading: SeedReading, world: SeedWorld) {
    for (const block of reading.blocks) for (const { name } of block.variables) this.taken.add(name);
    for (const schema of world.schemas)
      for (const table of schema.tables.values()) for (const name of table.columns.keys()) this.taken.add(name);
  }

  pick(identity: SeedIdentity, _block: SeedBlock): string {
    const speaks = /^[a-z][a-z0-9_-]{2,39}$/i.test(identity.id) && !/^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(identity.id);
    const source = speaks
      ? identity.id
      : `${identity.statement.table?.name ?? 'row'}_${identity.keyValues.map(({ value }) => value).join('_')}`;
    const word =
      source
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '_')
        .replace(/^_+|_+$/g, '')
        .slice(0, 48) || 'row';
    const base = `v_${word}_id`;
    let name = base;
    for (let i = 2; this.taken.has(name); i++) name = `${base}_${i}`;
    this.taken.add(name);
    return name;
  }
}
