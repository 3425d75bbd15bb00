import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Operation } from '../../src/model/operation.ts';
import type { Revision } from '../../src/model/revision.ts';
import type { RevisionGraph } from '../../src/model/revision-graph.ts';
import { schemaToJson } from '../../src/model/schema-json.ts';
import { type RevisionEvaluator, replay, replayInTurns } from '../../src/replay/index.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';

beforeAll(loadSqlParser);

/** A history in which each revision is `id: [parents, sql]`, listed in graph order; a parent `?x` is defined by nobody. */
function history(revisions: Record<string, [parents: string[], sql: string | Operation[]]>): RevisionEvaluator {
  const ids = Object.keys(revisions);
  const known = new Map(ids.map((id) => [id, (revisions[id]?.[0] ?? []).filter((parent) => !parent.startsWith('?'))]));
  const missingById = new Map<string, string[]>();
  for (const id of ids)
    for (const parent of revisions[id]?.[0] ?? [])
      if (parent.startsWith('?')) missingById.set(parent, [...(missingById.get(parent) ?? []), id]);
  const children = new Map(ids.map((id) => [id, ids.filter((other) => known.get(other)?.includes(id))]));
  const heads = ids.filter((id) => children.get(id)?.length === 0);
  const graph: RevisionGraph = {
    revisions: new Map(ids.map((id) => [id, { id } as Revision])),
    duplicates: new Map(),
    unreadable: [],
    heads,
    effectiveHeads: heads,
    possibleHeads: heads,
    bases: ids.filter((id) => revisions[id]?.[0].length === 0),
    branchPoints: [],
    mergePoints: [],
    order: ids,
    faults: [],
    parentsById: known,
    predecessorsById: known,
    childrenById: children,
    missingById,
  };
  return {
    graph,
    evaluate(revision, direction, sink) {
      const body = revisions[revision]?.[1] ?? [];
      const origin = { revision, file: `${revision}.py`, line: 1 };
      if (direction === 'upgrade')
        for (const operation of typeof body === 'string' ? parseSql(body, { origin }) : body) sink.apply(operation);
    },
  };
}

const tables = (schema: ReturnType<ReturnType<typeof replay>['schemaAfter']>) =>
  [...schema.tables.keys()].map((key) => key.slice(7));
const options = { namingConvention: null };

describe('replay', () => {
  it('cuts names to 63 bytes, and finds them again under the name that was written', () => {
    const long = `${'a_long_column_name_'.repeat(4)}end`;
    const table = { schema: null, name: `${'table_'.repeat(12)}end` };
    const origin = { revision: 'a', file: 'a.py', line: 1 };
    const column = { name: long, type: 'integer', notNull: false, default: null, identity: null, generated: null };
    const key = { name: null, type: 'u' as const, columns: [long] };
    const result = replay(
      history({
        a: [
          [],
          [
            { kind: 'createTable', table: { name: table, columns: [column], constraints: [], indexes: [] }, origin },
            { kind: 'addConstraint', table, constraint: key, origin },
            { kind: 'alterColumn', table, column: long, notNull: true, origin },
            { kind: 'renameColumn', table, column: long, to: `${long}2`, origin },
          ],
        ],
      }),
      options,
    );
    const [made] = result.schemaAfter('a').tables.values();
    expect(made?.name).toBe(table.name.slice(0, 63));
    expect([...(made?.columns.values() ?? [])].map(({ name, notNull }) => [name, notNull])).toEqual([
      [long.slice(0, 63), true],
    ]);
    expect(result.notes.filter(({ kind }) => kind === 'target-missing')).toEqual([]);
  });

  it("knows Alembic's own table", () => {
    const result = replay(history({ a: [[], 'alter table alembic_version add column x int'] }), options);
    expect(result.notes).toEqual([]);
  });

  it('gives the schema after every revision of a line, sharing what does not change', () => {
    const result = replay(
      history({
        a: [[], 'create table t (id int)'],
        b: [['a'], 'create table u (id int)'],
        c: [['b'], 'update t set id = 1'],
        d: [['c'], 'create table v (id int)'],
      }),
      options,
    );
    expect(tables(result.schemaAfter('d'))).toEqual(['t', 'u', 'v']);
    expect(tables(result.schemaAfter('a'))).toEqual(['t']);
    expect(tables(result.schemaAfter('b'))).toEqual(['t', 'u']);
    expect(result.schemaAfter('c')).toBe(result.schemaAfter('b'));
    expect(result.schemaAfter('b').tables.get('public.t')).toBe(result.schemaAfter('a').tables.get('public.t'));
    expect(result.schemaAt([]).tables.size).toBe(0);
  });

  it('gives the schema after each of many revisions in any order, as it was when they ran', () => {
    const length = 150;
    const line: Record<string, [string[], string]> = {};
    for (let at = 0; at < length; at++)
      line[`r${at}`] = [at === 0 ? [] : [`r${at - 1}`], `create table t${at} (id int); alter table t0 add c${at} int`];
    const result = replay(history(line), options);
    const seen = (at: number) => {
      const { tables } = result.schemaAfter(`r${at}`);
      return [tables.size, tables.get('public.t0')?.columns.size];
    };
    for (const at of [149, 3, 64, 63, 65, 128, 0, 100, 148]) expect(seen(at)).toEqual([at + 1, at + 2]);
    expect(result.schemaAfter('r7')).toBe(result.schemaAfter('r7'));
  });

  it('gives the schema after each revision of any graph, in any order of asking', () => {
    const graphs = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(9)), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(graphs, fc.infiniteStream(fc.nat()), (links, asked) => {
        const before = links.map(([first, second, chance], at) => {
          if (at === 0 || chance === 0) return [];
          const near = chance < 6 ? at - 1 : first % at;
          return chance === 9 && second % at !== near ? [near, second % at] : [near];
        });
        const ancestors: Set<number>[] = [];
        before.forEach((some, at) => {
          ancestors.push(new Set([at, ...some.flatMap((each) => [...(ancestors[each] as Set<number>)])]));
        });
        const files = before.map((some, at): [string, [string[], string]] => [
          `r${String(at).padStart(2, '0')}`,
          [some.map((each) => `r${String(each).padStart(2, '0')}`), `create table t${at} (id int)`],
        ]);
        const result = replay(history(Object.fromEntries(files)), options);
        const order = files.map((_, at) => at).sort(() => (asked.next().value % 2) - 0.5);
        for (const at of order) {
          const own = [...(ancestors[at] as Set<number>)].map((each) => `t${each}`);
          expect(tables(result.schemaAfter(files[at]?.[0] as string)).sort()).toEqual(own.sort());
        }
      }),
      { numRuns: 200 },
    );
  });

  it('has after each revision what a replay that ends there has, in the same order', () => {
    const statement = fc
      .tuple(fc.nat(5), fc.nat(3))
      .map(([what, n]) =>
        [
          `create table t${n} (id serial primary key)`,
          `drop table t${n}`,
          `alter table t${n} add c int default 1`,
          `create type e${n} as enum ('a')`,
          `drop type e${n}`,
          `create schema s${n}; set search_path to s${n}, public`,
        ].at(what),
      );
    fc.assert(
      fc.property(fc.array(fc.array(statement, { maxLength: 4 }), { minLength: 2, maxLength: 12 }), (bodies) => {
        const files = bodies.map((body, at): [string, [string[], string]] => [
          `r${String(at).padStart(2, '0')}`,
          [at === 0 ? [] : [`r${String(at - 1).padStart(2, '0')}`], body.join(';')],
        ]);
        const whole = replay(history(Object.fromEntries(files)), options);
        for (const [at, [id]] of files.entries()) {
          const cut = replay(history(Object.fromEntries(files.slice(0, at + 1))), options).schemaAfter(id);
          const after = whole.schemaAfter(id);
          expect(after).toEqual(cut);
          expect([...after.tables.keys(), ...after.enums.keys()]).toEqual([...cut.tables.keys(), ...cut.enums.keys()]);
          const { from, changes } = whole.changesOf(id);
          const before = whole.schemaAt(from);
          for (const [key, change] of changes.tables ?? []) {
            expect(change.before).toBe(before.tables.get(key));
            expect(change.after).toBe(after.tables.get(key));
          }
          const touched = [...after.tables].filter(([key, table]) => before.tables.get(key) !== table);
          expect(touched.every(([key]) => changes.tables?.has(key))).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('runs each branch on its own ancestors and a merge on all', () => {
    const result = replay(
      history({
        a: [[], 'create table t (id int)'],
        b: [['a'], 'alter table t add b int'],
        c: [['a'], 'alter table t add c int'],
        d: [['b', 'c'], 'alter table t add d int'],
      }),
      options,
    );
    const columns = (revision: string) => [
      ...(result.schemaAfter(revision).tables.get('public.t')?.columns.keys() ?? []),
    ];
    expect(columns('b')).toEqual(['id', 'b']);
    expect(columns('c')).toEqual(['id', 'c']);
    expect(columns('d')).toEqual(['id', 'b', 'c', 'd']);
    expect([...(result.schemaAt(['b', 'c']).tables.get('public.t')?.columns.keys() ?? [])]).toEqual(['id', 'b', 'c']);
    expect(result.schemaAt(['b', 'a'])).toBe(result.schemaAfter('b'));
  });

  it('replays what lies behind a missing parent on top of the rest, suspected', () => {
    const result = replay(
      history({
        a: [[], 'create table t (id int)'],
        x: [['?gone'], 'alter table t add b int; create table u (id int)'],
        y: [['x'], 'create table w (id int)'],
      }),
      options,
    );
    expect(result.notes).toEqual([]);
    const schema = result.schemaAt(['y', 'a']);
    expect(tables(schema)).toEqual(['t', 'u', 'w']);
    expect(schema.tables.get('public.w')?.certainty).toBe('suspected');
    expect(schema.tables.get('public.t')?.certainty).toBeUndefined();
    expect(schema.tables.get('public.t')?.columns.get('b')?.certainty).toBe('suspected');
    expect(tables(result.schemaAfter('a'))).toEqual(['t']);
  });

  it('notes what is made twice and what is not there, and goes on', () => {
    const result = replay(
      history({
        a: [[], 'create table t (id int); create index ix on t (id)'],
        b: [
          ['a'],
          'create table t (x int); create index ix on t (id); alter table nowhere add x int; alter table t drop column nothing',
        ],
      }),
      options,
    );
    expect(result.notes.map((note) => `${note.revision} ${note.kind} ${note.object}`)).toEqual([
      'b created-twice public.t',
      'b created-twice public.t.ix',
      'b target-missing public.nowhere',
      'b target-missing public.t.nothing',
    ]);
    expect(result.notes[0]).toMatchObject({ first: { revision: 'a', line: 1 } });
  });

  it('notes what two branches both create where they meet, once a pair, and which of the two fails', () => {
    const twice = (revisions: Parameters<typeof history>[0]) =>
      replay(history(revisions), options).notes.flatMap((note) =>
        note.kind === 'created-twice'
          ? [
              `${note.revision} ${note.object} after ${note.first?.revision}, ${note.across?.other?.revision ?? 'one way'}`,
            ]
          : [],
      );
    const [base, column]: [[string[], string], string] = [[[], 'create table t (id int)'], 'alter table t add c int'];
    const both = [`y public.t.c after x, x`];
    expect(twice({ b: base, x: [['b'], column], y: [['b'], column], m: [['x', 'y'], ''] })).toEqual(both);
    expect(twice({ b: base, x: [['b'], column], y: [['b'], column] })).toEqual(both);
    const further = { b: base, x: [['b'], column], y: [['b'], column], z: [['b'], ''], m: [['x', 'y'], ''] };
    expect(twice({ ...further, n: [['m', 'z'], ''] } as never)).toEqual(both);
    const guarded = 'alter table t add if not exists c int';
    expect(twice({ b: base, x: [['b'], guarded], y: [['b'], column] })).toEqual(['y public.t.c after x, one way']);
    expect(twice({ b: base, x: [['b'], guarded], y: [['b'], guarded] })).toEqual([]);
    expect(twice({ b: base, x: [['b'], column], y: [['b'], 'alter table t add d int'] })).toEqual([]);
    const gone = `${column}; alter table t drop c`;
    expect(twice({ b: base, x: [['b'], gone], y: [['b'], gone] })).toEqual([]);
    expect(twice({ b: base, x: [['b'], column], y: [['?lost'], column] })).toEqual(['y public.t.c after x, one way']);
  });

  it('asks a revision again, where branches meet, whether the thing is there', () => {
    const { graph, evaluate } = history({
      b: [[], 'create table t (id int)'],
      x: [['b'], 'alter table t add c int'],
      y: [['b'], 'alter table t add c int'],
    });
    const asking: RevisionEvaluator = {
      graph,
      evaluate: (revision, direction, sink) => {
        const isThere = sink.schema().tables.get('public.t')?.columns.has('c');
        if (revision === 'b' || !isThere) evaluate(revision, direction, sink);
      },
    };
    expect(replay(asking, options).notes).toEqual([]);
  });

  it('keeps the standing shape under IF NOT EXISTS and tells the intended one', () => {
    const result = replay(
      history({
        a: [[], 'create table t (id int)'],
        b: [['a'], 'create table if not exists t (id bigint, x int)'],
        c: [['b'], 'create table if not exists t (id int)'],
      }),
      options,
    );
    expect([...(result.schemaAfter('b').tables.get('public.t')?.columns.keys() ?? [])]).toEqual(['id']);
    expect(result.notes).toHaveLength(1);
    const note = result.notes[0];
    expect(note?.kind === 'guard-kept-shape' && [...note.intended.columns.keys()]).toEqual(['id', 'x']);
  });

  it('suspects what unread lines may have touched, from then on', () => {
    const origin = { revision: 'b', file: 'b.py', line: 7 };
    const opaque = (objects: { schema: null; name: string }[]): Operation[] => [
      { kind: 'opaque', reason: 'a plug-in', objects, origin },
    ];
    const before: [string[], string] = [[], 'create table t (id int); create table u (id int)'];
    const one = replay(
      history({
        a: before,
        b: [['a'], opaque([{ schema: null, name: 't' }])],
        c: [['b'], 'alter table t add x int; alter table u add x int'],
      }),
      options,
    );
    expect(one.blindSpots).toEqual([
      { revision: 'b', file: 'b.py', line: 7, reason: 'a plug-in', objects: ['public.t'] },
    ]);
    const schema = one.schemaAfter('c');
    expect(schema.tables.get('public.t')?.certainty).toBe('suspected');
    expect(schema.tables.get('public.t')?.columns.get('x')?.certainty).toBe('suspected');
    expect(schema.tables.get('public.u')?.columns.get('x')?.certainty).toBeUndefined();
    const later = 'create table w (id int); alter table w add x int; create table if not exists v (id int)';
    const any = replay(
      history({
        a: before,
        b: [['a'], opaque([])],
        c: [['b'], later],
        d: [['c'], opaque([{ schema: null, name: 'w' }])],
      }),
      options,
    );
    // What was made after such a line as nothing could make it twice is known.
    const { tables } = any.schemaAfter('c');
    expect([...tables].map(([key, { certainty = 'proven' }]) => [key, certainty])).toEqual([
      ['public.t', 'suspected'],
      ['public.u', 'suspected'],
      ['public.w', 'proven'],
      ['public.v', 'suspected'],
    ]);
    expect(tables.get('public.w')?.columns.get('x')?.certainty).toBeUndefined();
    expect(any.schemaAfter('d').tables.get('public.w')?.certainty).toBe('suspected');
    expect(any.schemaAfter('a').tables.get('public.t')?.certainty).toBeUndefined();
    const again = replay(
      history({
        a: before,
        b: [['a'], opaque([{ schema: null, name: 't' }])],
        c: [['b'], 'drop table t; create table t (y int)'],
      }),
      options,
    );
    expect(again.schemaAfter('c').tables.get('public.t')?.certainty).toBeUndefined();
  });

  it('tells rows that are touched on a condition from a schema that is', () => {
    const at = { origin: { revision: 'a', file: 'a.py', line: 3 }, condition: 'there are no rows in t' };
    const name = { schema: null, name: 't' };
    const acts: Operation[] = [
      { kind: 'touchRows', verb: 'update', tables: [name], ...at },
      { kind: 'dropTable', table: name, ifExists: true, ...at } as Operation,
    ];
    const { blindSpots } = replay(history({ a: [[], acts] }), options);
    expect(blindSpots.map(({ isAssumption, isOfRows }) => [isAssumption, isOfRows])).toEqual([
      [true, true],
      [true, undefined],
    ]);
  });

  it('asks of the schema so far', () => {
    const source = history({ a: [[], 'create table t (id int)'], b: [['a'], []] });
    const seen: string[][] = [];
    const result = replay(
      {
        graph: source.graph,
        evaluate: (revision, direction, sink) => {
          seen.push([...sink.schema().tables.keys()]);
          source.evaluate(revision, direction, sink);
          seen.push([...sink.schema().tables.keys()]);
        },
      },
      options,
    );
    expect(seen).toEqual([[], ['public.t'], ['public.t'], ['public.t']]);
    expect(schemaToJson(result.schemaAfter('b')).counts.tables).toBe(1);
  });

  it('creates in the first schema of the search_path', () => {
    const result = replay(
      history({ a: [[], 'create table t (id serial primary key)'], b: [['a'], 'alter table t add x int'] }),
      { ...options, searchPath: ['svc', 'public'] },
    );
    expect([...result.schemaAfter('b').tables.keys()]).toEqual(['svc.t']);
    expect([...result.schemaAfter('b').tables.get('svc.t')!.columns.values()].map((column) => column.default)).toEqual([
      "nextval('svc.t_id_seq'::regclass)",
      null,
    ]);
    expect(result.notes).toEqual([]);
  });

  it('replays 2,000 revisions of a line over 300 tables in little time', () => {
    const revisions: Record<string, [string[], Operation[]]> = {};
    const origin = { revision: null, file: 'x.py', line: 1 };
    const column = (name: string) => ({
      name,
      type: 'integer',
      notNull: false,
      default: null,
      identity: null,
      generated: null,
    });
    for (let i = 0; i < 2000; i++) {
      const name = { schema: null, name: `t${i % 300}` };
      revisions[`r${String(i).padStart(4, '0')}`] = [
        i === 0 ? [] : [`r${String(i - 1).padStart(4, '0')}`],
        [
          i < 300
            ? {
                kind: 'createTable',
                table: {
                  name,
                  columns: [column('id')],
                  constraints: [{ name: null, type: 'p', columns: ['id'] }],
                  indexes: [],
                },
                origin,
              }
            : { kind: 'addColumn', table: name, column: column(`c${i}`), origin },
        ],
      ];
    }
    const started = performance.now();
    const result = replay(history(revisions), options);
    expect(result.schemaAfter('r1999').tables.size).toBe(300);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});

describe('a replay in turns', () => {
  it('says what the replay in one go says', async () => {
    const source = history({ a: [[], 'create table t (id int)'], b: [['a'], 'alter table t add x text'] });
    const [atOnce, inTurns] = [replay(source, options), await replayInTurns(source, options)];
    expect(schemaToJson(inTurns.schemaAt(['b']), {})).toEqual(schemaToJson(atOnce.schemaAt(['b']), {}));
  });

  it('lets an interruption through between two revisions', async () => {
    const source = history({ a: [[], 'create table t (id int)'], b: [['a'], 'alter table t add x text'] });
    const interrupted = new AbortController();
    const evaluated: string[] = [];
    const slow: RevisionEvaluator = {
      ...source,
      evaluate(revision, direction, sink) {
        evaluated.push(revision);
        // As long as a revision takes that uses up its bounds.
        for (const since = performance.now(); performance.now() - since < 60; );
        source.evaluate(revision, direction, sink);
      },
    };
    setImmediate(() => interrupted.abort(new Error('interrupted')));
    await expect(replayInTurns(slow, options, interrupted.signal)).rejects.toThrow('interrupted');
    expect(evaluated).toEqual(['a']);
  });
});

it('tells what many branches create against the first that does, once each', () => {
  const branches = Array.from({ length: 300 }, (_, at) => `b${at}`);
  const { notes } = replay(
    history({
      a: [[], 'create table t (id int)'],
      ...Object.fromEntries(
        branches.map((id) => [id, [['a'], 'alter table t add x text']] as [string, [string[], string]]),
      ),
    }),
    options,
  );
  const twice = notes.filter((note) => note.kind === 'created-twice');
  expect(twice.map(({ revision }) => revision)).toEqual(branches.slice(1));
  expect(new Set(twice.map((note) => note.across?.other?.revision))).toEqual(new Set(['b0']));
});
