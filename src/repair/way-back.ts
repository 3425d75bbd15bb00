/**
 * The SQL that takes one operation back, what it replaced included: a function or a view that stood gets its own text again,
 * unless somebody has changed it since. Pure; refuses to know steps.
 */
import { invertOperation, renderOperation } from '../model/ddl.ts';
import { createRoutine, createView } from '../model/declare.ts';
import { keyOf, quoteLiteral } from '../model/name.ts';
import type { SchemaOperation } from '../model/operation.ts';
import type { Routine, Schema, View } from '../model/schema.ts';
import { tokensOf } from '../sql/index.ts';
import { doBlock, doBlockWithHandler } from './do-block.ts';

/** Statements; null where none takes it back. `before`: what stood when it ran. */
export function wayBack(operation: SchemaOperation, before: Schema): string[] | null {
  if (operation.kind === 'createRoutine' && operation.orReplace) {
    const { name, identityArguments } = operation;
    const standing = [...before.routines.values()].find(
      (one) =>
        one.name === name.name &&
        one.namespace === (name.schema ?? 'public') &&
        one.identityArguments === identityArguments,
    );
    if (standing !== undefined) return routineBack(standing, operation.definition);
    return renderOperation({ kind: 'dropRoutine', name, identityArguments });
  }
  if (operation.kind === 'createView' && operation.orReplace && !operation.materialized) {
    const standing = before.views.get(keyOf(operation.name.schema ?? 'public', operation.name.name));
    if (standing !== undefined) return viewBack(standing);
    return renderOperation({ kind: 'dropView', name: operation.name, materialized: false });
  }
  const inverse = invertOperation(operation, before);
  return inverse === null ? null : inverse.flatMap((act) => renderOperation(act as SchemaOperation));
}

function routineBack(standing: Routine, replacedBy: string): string[] | null {
  const again = createRoutine(standing, true);
  if (again === null) return null;
  const body = bodyOf(replacedBy);
  const { namespace, name, identityArguments } = standing;
  const guard = doBlock([
    'IF EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace',
    `    WHERE n.nspname = ${quoteLiteral(namespace)} AND p.proname = ${quoteLiteral(name)}`,
    `      AND pg_get_function_identity_arguments(p.oid) = ${quoteLiteral(identityArguments)} AND p.prosrc <> ${quoteLiteral(body ?? '')}) THEN`,
    `  RAISE EXCEPTION USING MESSAGE = ${quoteLiteral(`${keyOf(namespace, name)} is no longer what the repair made of it: somebody else changed it`)};`,
    'END IF;',
  ]);
  return [...(body === null ? [] : [guard]), ...renderOperation(again as SchemaOperation)];
}

/** The text that PostgreSQL keeps as `prosrc`; null where it is none of one constant. */
function bodyOf(definition: string): string | null {
  const tokens = tokensOf(definition);
  const at = tokens.findLastIndex(
    ({ kind, text }, index) =>
      kind === 'word' && text === 'as' && /^(?:dollar|string)$/.test(tokens[index + 1]?.kind ?? ''),
  );
  const token = tokens[at + 1];
  if (at < 0 || token === undefined) return null;
  const text = definition.slice(token.from, token.to);
  if (token.kind === 'dollar') return /^(\$\w*\$)([\s\S]*)\1$/.exec(text)?.[2] ?? null;
  return text.startsWith("'") && !text.includes('\\') ? text.slice(1, -1).replaceAll("''", "'") : null;
}

/** A column that came with the replacement cannot be taken from a view, which then is made anew, unless another reads it. */
function viewBack(standing: View): string[] {
  const statement = (orReplace: boolean) => renderOperation(createView(standing, orReplace) as SchemaOperation);
  const name = { schema: standing.namespace, name: standing.name };
  const drop = renderOperation({ kind: 'dropView', name, materialized: false });
  const ended = (statements: readonly string[], indent: string) => statements.map((sql) => `${indent}${sql};`);
  return [
    doBlockWithHandler(ended(statement(true), ''), [
      'EXCEPTION WHEN invalid_table_definition THEN',
      ...ended([...drop, ...statement(false)], '  '),
    ]),
  ];
}
