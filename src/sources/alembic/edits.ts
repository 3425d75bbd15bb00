/**
 * Edits of a revision's text, as data: the header's ids, one operation taken out, an enum type reused; and of env.py, where
 * it makes the version table wider. Each leaves sound
 * Python and every other byte as it is. Pure; throws an Error with the reason where a text cannot be edited safely.
 */
import type { Operation } from '../../model/operation.ts';
import type { TextEdit } from '../../model/remedy.ts';
import type { Expression, Statement } from './python/ast.ts';
import { type ParsedModule, parsePython } from './python/parse.ts';
import { childStatements, expressionsOf, walkExpression } from './python/walk.ts';

interface Assignment {
  statement: Statement;
  value: Expression;
}

function parsed(text: string): ParsedModule {
  const module = parsePython(text);
  if (module.error) throw new Error(`line ${module.error.line} is no Python that could be read`);
  return module;
}

/** The last plain assignment to `name` at the module's top level. */
function assignmentOf(module: ParsedModule, name: string): Assignment | null {
  let found: Assignment | null = null;
  for (const { statement } of module.statements) {
    if (
      statement.kind === 'assign' &&
      statement.targets.some((target) => target.kind === 'name' && target.name === name)
    )
      found = { statement, value: statement.value };
    if (
      statement.kind === 'annotated' &&
      statement.value &&
      statement.target.kind === 'name' &&
      statement.target.name === name
    )
      found = { statement, value: statement.value };
  }
  return found;
}

/** The author's own quotes: of the value, of the `revision`, else single ones. */
function quoteOf(text: string, module: ParsedModule, value: Expression | null): string {
  for (const candidate of [
    value,
    assignmentOf(module, 'down_revision')?.value ?? null,
    assignmentOf(module, 'revision')?.value ?? null,
  ]) {
    const match = candidate ? /['"]/.exec(text.slice(candidate.from, candidate.to)) : null;
    if (match) return match[0];
  }
  return "'";
}

function literal(value: string, quote: string): string {
  return quote + value.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`) + quote;
}

function idsLiteral(ids: readonly string[], quote: string, wasList: boolean): string {
  if (ids.length === 0) return 'None';
  if (ids.length === 1) return literal(ids[0] as string, quote);
  const inner = ids.map((id) => literal(id, quote)).join(', ');
  return wasList ? `[${inner}]` : `(${inner})`;
}

/** `Revises: …` and `Revision ID: …` of the docstring, where it has such a line. */
function docstringEdit(text: string, module: ParsedModule, label: string, value: string): TextEdit[] {
  const first = module.statements[0];
  if (!first || module.docstring === null) return [];
  const line = new RegExp(`^([ \\t]*(?:['"]{1,3})?${label}:[ \\t]*)([^\\r\\n]*)`, 'm').exec(
    text.slice(first.from, first.to),
  );
  if (!line) return [];
  const from = first.from + line.index + (line[1] as string).length;
  const old = (line[2] as string).replace(/\s*(?:"""|''')\s*$/, '');
  return old === value ? [] : [{ from, to: from + old.trimEnd().length, text: value }];
}

export function setDownRevision(text: string, parents: readonly string[]): TextEdit[] {
  const module = parsed(text);
  const found = assignmentOf(module, 'down_revision');
  const revises = docstringEdit(text, module, 'Revises', parents.join(', '));
  if (!found) {
    const revision = assignmentOf(module, 'revision');
    if (!revision) throw new Error('it assigns no revision at its top level');
    const quote = quoteOf(text, module, revision.value);
    return [...revises, insertAfter(text, revision.statement, `down_revision = ${idsLiteral(parents, quote, false)}`)];
  }
  const { value } = found;
  return [
    ...revises,
    { from: value.from, to: value.to, text: idsLiteral(parents, quoteOf(text, module, value), value.kind === 'list') },
  ];
}

export function setRevisionId(text: string, id: string): TextEdit[] {
  const module = parsed(text);
  const found = assignmentOf(module, 'revision');
  if (!found) throw new Error('it assigns no revision at its top level');
  const { value } = found;
  return [
    ...docstringEdit(text, module, 'Revision ID', id),
    { from: value.from, to: value.to, text: literal(id, quoteOf(text, module, value)) },
  ];
}

export function setDependsOn(text: string, needed: readonly string[]): TextEdit[] {
  const module = parsed(text);
  const found = assignmentOf(module, 'depends_on');
  if (found)
    return [
      {
        from: found.value.from,
        to: found.value.to,
        text: idsLiteral(needed, quoteOf(text, module, found.value), found.value.kind === 'list'),
      },
    ];
  if (needed.length === 0) return [];
  const after =
    assignmentOf(module, 'branch_labels') ?? assignmentOf(module, 'down_revision') ?? assignmentOf(module, 'revision');
  if (!after) throw new Error('it assigns no revision at its top level');
  return [
    insertAfter(text, after.statement, `depends_on = ${idsLiteral(needed, quoteOf(text, module, after.value), false)}`),
  ];
}

const lineBreak = (text: string): string => (/\r\n/.test(text) ? '\r\n' : '\n');

function lineEnd(text: string, offset: number): number {
  const at = text.indexOf('\n', offset);
  return at < 0 ? text.length : text[at - 1] === '\r' ? at - 1 : at;
}
function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

function insertAfter(text: string, statement: Statement, line: string): TextEdit {
  const at = lineEnd(text, statement.to);
  return { from: at, to: at, text: lineBreak(text) + line };
}

interface Located {
  statement: Statement;
  /** The statements of the block it stands in. */
  block: readonly Statement[];
  /** Null at the module's top level. */
  owner: Statement | null;
}

function locate(module: ParsedModule, span: { from: number; to: number }): Located | null {
  const search = (block: readonly Statement[], owner: Statement | null): Located | null => {
    for (const statement of block) {
      if (statement.from === span.from && statement.to === span.to) return { statement, block, owner };
      if (statement.from <= span.from && statement.to >= span.to) {
        for (const inner of childStatements(statement)) {
          const found = search(inner, statement);
          if (found) return found;
        }
      }
    }
    return null;
  };
  return search(
    module.statements.map((top) => top.statement),
    null,
  );
}

/** Comments the operation's statement out, with the reason above it; `pass` where its block would become empty. */
export function disableOperation(text: string, operation: Operation, reason: string): TextEdit[] {
  const module = parsed(text);
  if (!operation.span) throw new Error('where it stands in the file is not known');
  const located = locate(module, operation.span);
  if (!located || !isSimple(located.statement))
    throw new Error('it is no statement of its own that could be taken out');
  if (operation.kind === 'createEnum' && operation.implicit)
    throw new Error('the type is made by the table that uses it, not by a statement of its own');
  const { statement, block } = located;
  const from = statement.from;
  const { to } = statement;
  const part = partOfText(text, from, to, operation, reason);
  if (part) return [part];
  refuseWhereUsed(module, statement);
  const start = lineStart(text, from);
  const end = lineEnd(text, to);
  const before = text.slice(start, from);
  const after = text.slice(to, end);
  const why = reason.replaceAll(/\s+/g, ' ').trim();
  if (before.trim() !== '' || !/^\s*(#.*)?$/.test(after)) return [{ from, to, text: 'pass' }];
  const eol = lineBreak(text);
  const lines = text.slice(start, end).split(/\r?\n/);
  const commented = lines.map((line) =>
    (line.startsWith(before) ? `${before}# ${line.slice(before.length)}` : `# ${line}`).trimEnd(),
  );
  const isAlone = block.length === 1;
  const filler = isAlone ? [`${before}pass`] : [];
  return [{ from: start, to: end, text: [`${before}# ${why}`, ...commented, ...filler].join(eol) }];
}

function isSimple(statement: Statement): boolean {
  return (
    statement.kind === 'expression' ||
    statement.kind === 'assign' ||
    statement.kind === 'annotated' ||
    statement.kind === 'augmented'
  );
}

/** One SQL statement of several in one text: only that one goes. */
function partOfText(text: string, from: number, to: number, operation: Operation, reason: string): TextEdit | null {
  const sql = operation.sql?.trim().replace(/;\s*$/, '');
  if (!sql) return null;
  const source = text.slice(from, to);
  const at = source.indexOf(sql);
  const literalText = /(['"]{3}|['"])([\s\S]*)\1/.exec(source)?.[2];
  if (literalText === undefined || !literalText.includes(sql)) return null;
  const others = literalText.replace(sql, '').replaceAll(/--[^\n]*|[\s;]/g, '');
  if (others === '') return null;
  if (source.indexOf(sql, at + 1) >= 0) throw new Error('the statement stands more than once in one text');
  return {
    from: from + at,
    to: from + at + sql.length,
    text: `/* ${reason
      .replaceAll('*/', '* /')
      .replaceAll(/['"\\\s]+/g, ' ')
      .trim()} */`,
  };
}

/** `table = op.create_table(…)` whose name is used afterwards cannot go alone. */
function refuseWhereUsed(module: ParsedModule, statement: Statement): void {
  if (statement.kind !== 'assign') return;
  const names = statement.targets.flatMap((target) => (target.kind === 'name' ? [target.name] : []));
  let isUsed = false;
  for (const top of module.statements) {
    for (const expression of expressionsOf(top.statement)) {
      walkExpression(expression, (inner) => {
        if (inner.kind === 'name' && names.includes(inner.name) && inner.from > statement.to) isUsed = true;
      });
    }
  }
  if (isUsed) throw new Error(`${names.join(', ')} is used further down`);
}

/** Makes `sa.Enum(…, name='x')` of the operation's statement `postgresql.ENUM(…, name='x', create_type=False)`. */
export function reuseEnum(text: string, operation: Operation, enumName: string): TextEdit[] {
  const module = parsed(text);
  const span = operation.span ?? { from: 0, to: text.length };
  const calls: (Expression & { kind: 'call' })[] = [];
  const used = new Set<string>();
  for (const top of module.statements) {
    for (const expression of expressionsOf(top.statement)) {
      walkExpression(expression, (inner) => {
        if (inner.kind === 'name' && inner.from >= span.from && inner.to <= span.to) used.add(inner.name);
        if (inner.kind === 'call' && isEnumOf(inner, enumName)) calls.push(inner);
      });
    }
  }
  let chosen = calls.filter((call) => call.from >= span.from && call.to <= span.to);
  if (chosen.length === 0) {
    // The type is a variable that the statement uses: its definition is what changes.
    const definitions: Expression[] = [];
    const visit = (block: readonly Statement[]): void => {
      for (const statement of block) {
        if (
          statement.kind === 'assign' &&
          statement.targets.some((target) => target.kind === 'name' && used.has(target.name))
        )
          definitions.push(statement.value);
        for (const inner of childStatements(statement)) visit(inner);
      }
    };
    visit(module.statements.map((top) => top.statement));
    chosen = calls.filter((call) =>
      definitions.some((definition) => call.from >= definition.from && call.to <= definition.to),
    );
  }
  if (chosen.length === 0) throw new Error(`no Enum named ${enumName} stands in the statement`);
  const edits: TextEdit[] = [];
  const imported = importedPostgresql(module);
  let needsImport = false;
  for (const call of chosen) {
    const isPostgres = calleeName(call.callee) === 'ENUM';
    if (call.args.some((arg) => arg.name === 'create_type')) {
      const arg = call.args.find((one) => one.name === 'create_type');
      if (arg) edits.push({ from: arg.value.from, to: arg.value.to, text: 'False' });
    } else {
      const close = call.to - 1;
      const body = text.slice(call.callee.to, close);
      const tail = /,\s*$/.exec(body);
      const at = close - (body.length - body.trimEnd().length);
      edits.push({ from: at, to: at, text: tail ? ' create_type=False' : ', create_type=False' });
    }
    if (!isPostgres) {
      edits.push({ from: call.callee.from, to: call.callee.to, text: `${imported ?? 'postgresql'}.ENUM` });
      needsImport ||= imported === null;
    }
  }
  if (needsImport) edits.unshift(importEdit(text, module));
  return edits;
}

function calleeName(callee: Expression): string | null {
  return callee.kind === 'attribute' ? callee.name : callee.kind === 'name' ? callee.name : null;
}

function isEnumOf(call: Expression & { kind: 'call' }, enumName: string): boolean {
  const name = calleeName(call.callee);
  if (name !== 'Enum' && name !== 'ENUM' && name !== 'SAEnum' && name !== 'SqlEnum' && name !== 'SQLEnum') return false;
  const given = call.args.find((arg) => arg.name === 'name')?.value;
  if (given) return given.kind === 'constant' && given.value === enumName;
  const first = call.args[0]?.value;
  return first !== undefined && calleeName(first)?.toLowerCase() === enumName;
}

function importedPostgresql(module: ParsedModule): string | null {
  for (const { statement } of module.statements) {
    if (statement.kind !== 'importFrom' || statement.names === '*' || statement.module !== 'sqlalchemy.dialects')
      continue;
    const found = statement.names.find((name) => name.name === 'postgresql');
    if (found) return found.as ?? found.name;
  }
  return null;
}

/**
 * A version table wide enough for long ids, made so when Alembic makes it. An event of SQLAlchemy does it in every version
 * and also for `--sql` (tried with Alembic 1.8.1 and SQLAlchemy 1.4); `version_table_impl` came with Alembic 1.14.
 */
export function widenVersionTable(text: string, versionTable: string, width: number): TextEdit[] {
  const module = parsed(text);
  const lines = [
    'from sqlalchemy import String, Table, event',
    '',
    '',
    '# Ids of this project are longer than the VARCHAR(32) that Alembic makes.',
    '@event.listens_for(Table, "before_create")',
    'def _widen_version_table(table, connection, **options):',
    `    if table.name == ${literal(versionTable, '"')}:`,
    `        table.c.version_num.type = String(${width})`,
    '',
  ];
  return [afterImports(text, module, lines.join(lineBreak(text)))];
}

function importEdit(text: string, module: ParsedModule): TextEdit {
  return afterImports(text, module, 'from sqlalchemy.dialects import postgresql');
}

/** Lines after the imports at the module's top. */
function afterImports(text: string, module: ParsedModule, lines: string): TextEdit {
  let after: Statement | null = null;
  for (const { statement } of module.statements) {
    if (statement.kind === 'import' || (statement.kind === 'importFrom' && statement.module !== '__future__'))
      after = statement;
    else if (after && statement.kind !== 'expression') break;
  }
  if (after) return insertAfter(text, after, lines);
  const first = module.statements[module.docstring === null ? 0 : 1]?.from ?? text.length;
  return { from: first, to: first, text: `${lines}${lineBreak(text)}` };
}
