/**
 * A revision's text → what the reader makes of it, without a project on disk: files are given as a map.
 */
import type { Operation } from '../../../src/model/operation.ts';
import type { NamingConvention } from '../../../src/model/project.ts';
import { emptySchema, type Schema } from '../../../src/model/schema.ts';
import { applyOperation, schemaOfOperations, snapshotOf } from '../../../src/replay/index.ts';
import { readModels } from '../../../src/sources/alembic/models/read.ts';
import {
  evaluateRevision,
  type Files,
  type Reading,
  WrittenRows,
} from '../../../src/sources/alembic/operations/index.ts';
import { parseSql } from '../../../src/sql/index.ts';

export const preamble = `from alembic import op, context
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = 'r1'
down_revision = None

`;

export interface Given {
  /** Other files of the project, by path relative to it. */
  files?: Record<string, string>;
  environment?: Record<string, string>;
  /** The text of env.py. */
  env?: string;
  /** What stands before the revision. */
  schema?: Schema;
  direction?: 'upgrade' | 'downgrade';
  namingConvention?: NamingConvention | null;
  /** The whole file's text; without it `body` is that of upgrade(). */
  isWhole?: boolean;
  /** What revisions read before have imported. */
  imports?: Reading['imports'];
  bounds?: Reading['bounds'];
}

const root = '/project';

export function filesOf(files: Record<string, string>): Files {
  const texts = new Map(Object.entries(files).map(([path, text]) => [`${root}/${path}`, text]));
  const isFolder = (path: string) => [...texts.keys()].some((file) => file.startsWith(`${path}/`));
  return {
    readFile: (path) => texts.get(path) ?? null,
    exists: (path) => (texts.has(path) ? 'file' : isFolder(path) ? 'folder' : null),
    list: (path) =>
      isFolder(path)
        ? [...texts.keys()]
            .filter((file) => file.startsWith(`${path}/`))
            .map((file) => file.slice(path.length + 1).split('/')[0] as string)
        : null,
    isInstalled: () => ({ isThere: true, condition: null }),
    modulesWith: (text) => [...texts].filter(([, whole]) => whole.includes(text)).map(([file]) => file),
    findModule: (name) => {
      const base = `${root}/${name.split('.').join('/')}`;
      for (const [file, isPackage] of [
        [`${base}/__init__.py`, true],
        [`${base}.py`, false],
      ] as const) {
        const text = texts.get(file);
        if (text !== undefined) return { file, text, isPackage };
      }
      return isFolder(base) ? { file: `${base}/__init__.py`, text: '', isPackage: true } : null;
    },
  };
}

/** Operations of `upgrade()` whose body is `body` (or of the whole file), each also applied, so that the inspector sees them. */
export function read(body: string, given: Given = {}): { operations: Operation[]; schema: Schema; text: string } {
  const direction = given.direction ?? 'upgrade';
  const indented = body.replace(/^\n/, '').replaceAll(/^(?=.)/gm, '    ');
  const text = given.isWhole ? body : `${preamble}def ${direction}():\n${indented}\n`;
  const operations: Operation[] = [];
  let schema = given.schema ?? emptySchema();
  const context = { namingConvention: given.namingConvention ?? null };
  const files = filesOf({ ...given.files, ...(given.env === undefined ? {} : { 'env.py': given.env }) });
  const environment = given.environment ?? {};
  const relative = (path: string) => path.slice(root.length + 1);
  evaluateRevision(
    { revision: 'r1', file: `${root}/versions/r1.py`, text, module: 'versions.r1' },
    direction,
    {
      apply: (operation) => {
        operations.push(operation);
        schema = applyOperation(schema, operation, context);
      },
      schema: () => schema,
      searchPath: () => ['public'],
      snapshot: () => snapshotOf({ schema, searchPath: ['public'], temporaries: new Set() }, context.namingConvention),
    },
    {
      files,
      modelsIn: (_revision, base) =>
        readModels({
          projectDir: root,
          files: { ...files, relative },
          environment,
          models: { files: Object.keys(given.files ?? {}), bases: base === null ? null : [base] },
          parseSql,
        }),
      fileOfRevision: (id) => (given.files?.[`versions/${id}.py`] === undefined ? null : `${root}/versions/${id}.py`),
      envFile: given.env === undefined ? null : `${root}/env.py`,
      environment,
      relative,
      parseSql,
      writtenRows: new WrittenRows(),
      ...(given.imports ? { imports: given.imports } : {}),
      ...(given.bounds ? { bounds: given.bounds } : {}),
    },
  );
  return { operations, schema, text };
}

/** Operations without where they stand. */
export function bare(operations: readonly Operation[]): unknown[] {
  return operations.map(({ origin: _origin, span: _span, ...rest }) => JSON.parse(JSON.stringify(rest)));
}

export { schemaOfOperations };
