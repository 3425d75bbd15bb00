/**
 * Revision files that chain writes: the reconciling revision at the head, a merge, a placeholder. Owns their Python text,
 * their ids (a hash of what they say, so that the same repair writes the same file) and their names by the project's habit.
 */
import { createHash } from 'node:crypto';
import { compareText, type QualifiedName, quoteQualified } from '../model/name.ts';
import type { SchemaOperation } from '../model/operation.ts';
import type { AlembicConfig } from '../model/project.ts';
import { placeholderMessage, type Revision, type RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { doBlock } from './do-block.ts';
import { keyOfName } from './order.ts';
import { needsAutocommit, reconcilingStatements } from './reconcile-sql.ts';

export interface RevisionFile {
  id: RevisionId;
  /** Relative to the project. */
  file: string;
  text: string;
}

export interface ReconcilingInputs {
  operations: readonly SchemaOperation[];
  downRevisions: readonly RevisionId[];
  /** Whether an earlier revision declares the object, by key: then downgrade leaves it. */
  isOwnedEarlier(key: string): boolean;
  /** The namespace that unqualified names of the project mean; null: sessions take another one. */
  defaultNamespace: string | null;
  graph: RevisionGraph;
  config: AlembicConfig;
}

/** The revision with the effect of the repair for every other environment; with no operations, a bare merge. */
export function reconcilingRevision(inputs: ReconcilingInputs): RevisionFile {
  const { operations, downRevisions } = inputs;
  const { defaultNamespace } = inputs;
  const own =
    defaultNamespace === null ? operations : operations.map((operation) => unqualified(operation, defaultNamespace));
  const names = [...new Set(operations.map(shortSubject))];
  const isMerge = downRevisions.length > 1;
  const message =
    operations.length === 0
      ? `Merge ${downRevisions.join(', ')}`
      : `Reconcile ${names.slice(0, 4).join(', ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''}`;
  const upgrade = reconcilingStatements(own).flatMap((group) => [
    `    # ${oneLine([...new Set(group.operations.map(shortSubject))].join(', '))}`,
    ...group.sql.map((sql) => execute(sql, group.operations.some(needsAutocommit))),
  ]);
  const downgrade = downgradeOf(inputs, operations, own);
  const about =
    operations.length === 0
      ? 'Made by `chain repair`: joins the heads, changes nothing.'
      : [
          'Made by `chain repair`. Some databases have these objects, some lack them, some have half of them: every statement',
          'looks at what stands (by shape, not by name alone) and adds what is missing. A column of another type raises; a key',
          'that rows contradict stays NOT VALID, with a notice.',
        ].join('\n');
  const textWith = (id: string) =>
    [
      `"""${pythonText(message)}`,
      '',
      `Revision ID: ${id}`,
      `Revises: ${pythonText(downRevisions.join(', '))}`,
      ...createDateOf(inputs.graph),
      '',
      about,
      '"""',
      ...(operations.length === 0 ? [] : ['from alembic import op', '']),
      `revision = ${pythonString(id)}`,
      `down_revision = ${pythonParents(downRevisions)}`,
      'branch_labels = None',
      'depends_on = None',
      '',
      '',
      'def upgrade():',
      ...(upgrade.length === 0 ? ['    pass'] : upgrade),
      '',
      '',
      'def downgrade():',
      ...downgrade,
      '',
    ].join('\n');
  const id = idOf(textWith(''), inputs.graph);
  const slug = operations.length === 0 ? 'merge_heads' : `reconcile${isMerge ? '_and_merge' : ''}`;
  return { id, file: fileFor(id, slug, inputs), text: textWith(id) };
}

/** An empty revision in the place of one that is lost, marked as such. */
export function placeholderRevision(
  id: RevisionId,
  downRevisions: readonly RevisionId[],
  inputs: Pick<ReconcilingInputs, 'graph' | 'config'>,
): RevisionFile {
  const text = [
    `"""${placeholderMessage(pythonText(id))}`,
    '',
    `Revision ID: ${pythonText(id)}`,
    `Revises: ${pythonText(downRevisions.join(', '))}`,
    '',
    'Made by `chain repair`, so that the chain loads. What the lost revision did is not known: when its file is found, put',
    'it in the place of this one.',
    '"""',
    `revision = ${pythonString(id)}`,
    `down_revision = ${pythonParents(downRevisions)}`,
    'branch_labels = None',
    'depends_on = None',
    '',
    '',
    'def upgrade():',
    '    pass',
    '',
    '',
    'def downgrade():',
    '    pass',
    '',
  ].join('\n');
  return { id, file: fileFor(id, 'placeholder', inputs), text };
}

/** Drops what this revision alone owns, and only while it holds no row; leaves the rest and says so. */
function downgradeOf(
  inputs: ReconcilingInputs,
  operations: readonly SchemaOperation[],
  own: readonly SchemaOperation[],
): string[] {
  if (operations.length === 0) return ['    pass'];
  const lines: string[] = [];
  const kept: string[] = [];
  const dropped = new Set<string>();
  for (const [index, operation] of operations.entries()) {
    // What is on a table that goes needs no word of its own.
    if ('table' in operation && operation.table && operation.kind !== 'createTable') {
      if (dropped.has(keyOfName(operation.table))) continue;
    }
    if (operation.kind !== 'createTable' || inputs.isOwnedEarlier(keyOfName(operation.table.name))) {
      kept.push(subjectOf(operation));
      continue;
    }
    dropped.add(keyOfName(operation.table.name));
    const written = own[index] as Extract<SchemaOperation, { kind: 'createTable' }>;
    lines.unshift(
      `    # ${oneLine(subjectOf(operation))}: only while it holds no row`,
      execute(dropEmpty(written.table.name), false),
    );
  }
  if (kept.length > 0) {
    lines.push(
      '    # These belong to earlier revisions, or stood before this one in some databases; dropping them would lose data:',
      ...[...new Set(kept)].map((name) => `    #   ${oneLine(name)}`),
    );
    if (lines.every((line) => /^\s*#/.test(line))) lines.push('    pass');
  }
  return lines;
}

function dropEmpty(name: QualifiedName): string {
  const sql = quoteQualified(name);
  return doBlock([`IF NOT EXISTS (SELECT FROM ${sql}) THEN`, `  DROP TABLE ${sql};`, 'END IF;']);
}

/** Columns by their table. */
function shortSubject(operation: SchemaOperation): string {
  const subject = subjectOf(operation);
  return operation.kind === 'addColumn' ? subject.slice(0, -operation.column.name.length - 1) : subject;
}

/** What an operation is about, as a person names it. */
export function subjectOf(operation: SchemaOperation): string {
  const name = (value: QualifiedName) =>
    value.schema === null || value.schema === 'public' ? value.name : `${value.schema}.${value.name}`;
  switch (operation.kind) {
    case 'createTable':
      return name(operation.table.name);
    case 'addColumn':
      return `${name(operation.table)}.${operation.column.name}`;
    case 'alterColumn':
      return `${name(operation.table)}.${operation.column}`;
    case 'addConstraint':
      return operation.constraint.name ?? `a key of ${name(operation.table)}`;
    case 'createIndex':
      return operation.index.name ?? `an index of ${name(operation.table)}`;
    default: {
      if ('name' in operation) return typeof operation.name === 'string' ? operation.name : name(operation.name);
      return 'table' in operation && operation.table ? name(operation.table as QualifiedName) : operation.kind;
    }
  }
}

/** Names in the default namespace hang on the search_path, as Alembic's own operations leave them. */
function unqualified(operation: SchemaOperation, namespace: string): SchemaOperation {
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(strip);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([field, inner]) => [field, strip(inner)] as const);
    const record = Object.fromEntries(entries);
    return typeof record.name === 'string' && record.schema === namespace && Object.keys(record).length === 2
      ? { ...record, schema: null }
      : record;
  };
  return strip(operation) as SchemaOperation;
}

function execute(sql: string, isAutocommit: boolean): string {
  const body = canBeIndented(sql) ? sql.replace(/^(?=.)/gm, '        ') : sql;
  const call = `    op.execute(\n        """\n${pythonSql(body)}\n        """\n    )`;
  if (!isAutocommit) return call;
  const [first, ...rest] = call.split('\n');
  const opening = `    ${first}\n    ${rest[0]}`;
  return `    with op.get_context().autocommit_block():\n${opening}\n${rest.slice(1, -1).join('\n')}\n        )`;
}

/** Not where a literal or a function's body goes over lines: its text would change. */
function canBeIndented(sql: string): boolean {
  const isOurs = /^DO \$chain\d*\$/.test(sql);
  if (!isOurs && sql.includes('$')) return false;
  return sql.split('\n').every((line) => count(line, "'") % 2 === 0 && count(line, '"') % 2 === 0);
}

function count(text: string, mark: string): number {
  return text.split(mark).length - 1;
}

/** In a triple-quoted string, and through SQLAlchemy's text(), which takes `:name` for a parameter and `\:` for a colon. */
function pythonSql(sql: string): string {
  return sql
    .replace(/\\(?=:[\p{L}\p{N}_$]*(?![:\p{L}\p{N}_$]))/gu, '\\\\')
    .replaceAll('\\', '\\\\')
    .replaceAll('"""', '\\"\\"\\"')
    .replaceAll('\r', '\\r')
    .replace(/(?<![:\w\\]):(?=[\p{L}\p{N}_]+(?!:))/gu, '\\\\:');
}

/** For a docstring or a comment: nothing in it can end either, whatever an object is called. */
function pythonText(text: string): string {
  return oneLine(text).replaceAll('\\', '\\\\').replaceAll('"', "'");
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must go
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}

function pythonString(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `'${escaped.replaceAll('\0', '\\0')}'`;
}

function pythonParents(parents: readonly RevisionId[]): string {
  if (parents.length === 0) return 'None';
  return parents.length === 1 ? pythonString(parents[0] as string) : `(${parents.map(pythonString).join(', ')})`;
}

/** Twelve hex digits of the content; lengthened by trying again where a revision bears them already. */
function idOf(content: string, graph: RevisionGraph): RevisionId {
  for (let attempt = 0; ; attempt++) {
    const id = createHash('sha256').update(`${attempt}\n${content}`).digest('hex').slice(0, 12);
    // Alembic's own ids hold a letter; one of digits alone would read as a number in some editors and spreadsheets.
    if (!graph.revisions.has(id) && /[a-f]/.test(id)) return id;
  }
}

/** The latest date that a revision of the project bears, so that the same repair writes the same bytes on any day. */
function latestDate(graph: RevisionGraph): string | null {
  const dates = [...graph.revisions.values()].flatMap((revision) =>
    /^\d{4}-\d\d-\d\d/.test(revision.createDate ?? '') ? [revision.createDate as string] : [],
  );
  return dates.sort(compareText).at(-1) ?? null;
}

function createDateOf(graph: RevisionGraph): string[] {
  const date = latestDate(graph);
  return date === null ? [] : [`Create Date: ${date}`];
}

/** In the location of a head, by `file_template` where the project has one, else by what its files look like. */
function fileFor(id: RevisionId, slug: string, inputs: Pick<ReconcilingInputs, 'graph' | 'config'>): string {
  const { graph, config } = inputs;
  const heads = graph.heads.flatMap((head) => graph.revisions.get(head)?.file ?? []);
  const locations = config.versionLocations;
  const folder =
    locations.find((location) => heads.some((file) => file.startsWith(`${location}/`))) ??
    locations[0] ??
    `${config.scriptLocation ?? 'alembic'}/versions`;
  const revisions = [...graph.revisions.values()];
  const date = latestDate(graph) ?? '1970-01-01 00:00:00';
  const taken = new Set(revisions.map((revision) => revision.file));
  const base =
    config.fileTemplate === null ? byHabit(id, slug, revisions, date) : byTemplate(config.fileTemplate, id, slug, date);
  // A template with folders makes them where Alembic looks into folders.
  const segments = base.split('/').map((segment) => segment.replace(/[^\w.-]/g, '_').replace(/^\.+$/, '_'));
  const safe = segments.filter((segment) => segment !== '').join(config.recursive ? '/' : '_');
  for (let number = 1; ; number++) {
    const file = `${folder}/${safe}${number === 1 ? '' : `_${number}`}.py`;
    if (!taken.has(file)) return file;
  }
}

/** Alembic's tokens (alembic/script/base.py, `_rev_path`). */
function byTemplate(template: string, id: RevisionId, slug: string, date: string): string {
  const [year = '1970', month = '01', day = '01', hour = '00', minute = '00', second = '00'] = date.match(/\d+/g) ?? [];
  const values: Record<string, string> = { rev: id, slug, year, month, day, hour, minute, second, epoch: '0' };
  return template.replace(/%%?\((\w+)\)(?:\.?(\d+))?[sd]/g, (_all, token: string, width?: string) => {
    const value = values[token] ?? token;
    return /^\d+$/.test(value) && token !== 'rev' ? String(Number(value)).padStart(Number(width ?? 1), '0') : value;
  });
}

function byHabit(id: RevisionId, slug: string, revisions: readonly Revision[], date: string): string {
  const names = revisions.map((revision) => ({
    name: revision.file.slice(revision.file.lastIndexOf('/') + 1, -'.py'.length),
    id: revision.id,
  }));
  const beginsWithId = names.filter(({ name, id: own }) => name.startsWith(own)).length;
  const compact = names.filter(({ name }) => /^\d{8}_/.test(name)).length;
  const numbered = names.filter(({ name }) => /^\d{3,4}_/.test(name));
  if (compact > beginsWithId && compact >= numbered.length) return `${date.slice(0, 10).replaceAll('-', '')}_${slug}`;
  if (numbered.length > beginsWithId && numbered.length > names.length / 2) {
    const width = Math.max(...numbered.map(({ name }) => (/^\d+/.exec(name) as RegExpExecArray)[0].length));
    const last = Math.max(...numbered.map(({ name }) => Number.parseInt(name, 10)));
    return `${String(last + 1).padStart(width, '0')}_${slug}`;
  }
  return `${id}_${slug}`;
}
