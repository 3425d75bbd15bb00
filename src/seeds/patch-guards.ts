/**
 * Existence probes that skip in silence: the probe says which schema it means, and the other branch raises an exception.
 */
import { plainSearchPath, resolveTable } from '../model/lookup.ts';
import { keyOf, quoteLiteral } from '../model/name.ts';
import type { SeedGuard, SeedReading } from '../model/seed.ts';
import { type Token, tokensOf } from '../sql/index.ts';
import { type SeedWorld, splitKey } from './identities.ts';
import type { SeedPatch } from './patch.ts';
import { indentAt, newLineOf } from './seed-text.ts';

/** Columns that a probe compares, and what says the same of the schema. */
const schemaConditions: Record<string, (literal: string) => string> = {
  table_name: (literal) => `table_schema = ${literal}`,
  tablename: (literal) => `schemaname = ${literal}`,
  relname: (literal) => `relnamespace = ${literal}::regnamespace`,
};

export function loudGuards(
  reading: SeedReading,
  world: SeedWorld,
  only: ReadonlySet<string> | null,
  patch: SeedPatch,
): void {
  const seen = new Set<number>();
  for (const { guards } of reading.statements) {
    for (const guard of guards) {
      if (!guard.table || seen.has(guard.span.from)) continue;
      seen.add(guard.span.from);
      const key = keyOfProbe(world, guard);
      if (only && !only.has(key)) continue;
      if (guard.isUnqualified) qualify(reading, guard, splitKey(key)[0], patch);
      if (guard.skipsSilently) raise(reading, guard, key, patch);
    }
  }
}

function keyOfProbe(world: SeedWorld, guard: SeedGuard): string {
  const name = guard.table as NonNullable<SeedGuard['table']>;
  const path = plainSearchPath(world.searchPath);
  for (const schema of world.schemas) {
    const key = resolveTable(schema, name, path);
    if (key !== null) return key;
  }
  return keyOf(name.schema ?? path[0] ?? 'public', name.name);
}

function qualify(reading: SeedReading, guard: SeedGuard, namespace: string, patch: SeedPatch): void {
  const span = guard.conditionSpan ?? guard.span;
  const tokens = tokensOf(reading.text, span.from, span.to);
  const index = tokens.findIndex(
    (token, i) => token.kind === 'word' && Object.hasOwn(schemaConditions, token.text) && tokens[i + 1]?.text === '=',
  );
  const value = tokens[index + 2];
  if (index < 0 || !value) {
    patch.refused.push({
      line: guard.line,
      reason: 'the probe compares the name in a form that cannot be qualified here',
    });
    return;
  }
  // Casts and brackets behind the literal belong to it.
  let at = value.to;
  for (let i = index + 3; tokens[i]?.text === '::'; i += 2) at = tokens[i + 1]?.to ?? at;
  let owner = '';
  if (tokens[index - 1]?.text === '.' && tokens[index - 2])
    owner = `${reading.text.slice((tokens[index - 2] as Token).from, (tokens[index - 2] as Token).to)}.`;
  const condition = (schemaConditions[(tokens[index] as Token).text] as (literal: string) => string)(
    quoteLiteral(namespace),
  );
  patch.edits.push({ from: at, to: at, text: ` AND ${owner}${condition}` });
}

function raise(reading: SeedReading, guard: SeedGuard, key: string, patch: SeedPatch): void {
  const { text } = reading;
  if (guard.elseRaise) {
    const tokens = tokensOf(text, guard.elseRaise.span.from, guard.elseRaise.span.to);
    const level = tokens[1];
    if (level?.kind === 'word') patch.edits.push({ from: level.from, to: level.to, text: 'EXCEPTION' });
    else if (tokens[0]) patch.edits.push({ from: tokens[0].to, to: tokens[0].to, text: ' EXCEPTION' });
    return;
  }
  const line = newLineOf(text);
  const statement = `RAISE EXCEPTION ${quoteLiteral(`table ${key} does not exist: its rows cannot be seeded`)};`;
  const indent = indentAt(text, guard.span.from);
  const tokens = tokensOf(text, guard.span.from, guard.span.to);
  const isEarlyReturn =
    guard.conditionSpan !== undefined &&
    guard.condition !== text.slice(guard.conditionSpan.from, guard.conditionSpan.to);
  if (isEarlyReturn) {
    const then = tokens.find((token) => token.from >= (guard.conditionSpan?.to ?? 0) && token.text === 'then');
    if (then) patch.edits.push({ from: then.to, to: then.to, text: `${line}${indent}    ${statement}` });
    return;
  }
  const end = tokens.findLast((token, i) => token.text === 'end' && tokens[i + 1]?.text === 'if');
  const otherwise = tokens.findLast((token, i) => token.text === 'else' && token.kind === 'word' && i > 0);
  const hasElse =
    otherwise && /^\s*(?:--[^\n]*\n\s*)*(?:null\s*;\s*)?(?:--[^\n]*\n\s*)*$/i.test(text.slice(otherwise.to, end?.from));
  if (!end) return;
  if (hasElse && otherwise)
    patch.edits.push({ from: otherwise.to, to: otherwise.to, text: `${line}${indent}    ${statement}` });
  else patch.edits.push({ from: end.from, to: end.from, text: `ELSE${line}${indent}    ${statement}${line}${indent}` });
}
