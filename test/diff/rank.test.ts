import { describe, expect, it } from 'vitest';
import { compareSchemas, exactPlaces, rankRevisions } from '../../src/diff/index.ts';
import type { Operation } from '../../src/model/operation.ts';
import type { Revision } from '../../src/model/revision.ts';
import type { RevisionGraph } from '../../src/model/revision-graph.ts';
import type { Column, Schema, Table } from '../../src/model/schema.ts';
import { replay } from '../../src/replay/index.ts';

const origin = { revision: null, file: 'x.py', line: 1 };
const column = (name: string, type = 'integer') => ({
  name,
  type,
  notNull: false,
  default: null,
  identity: null,
  generated: null,
});
const create = (name: string, ...columns: string[]): Operation => ({
  kind: 'createTable',
  table: { name: { schema: null, name }, columns: columns.map((each) => column(each)), constraints: [], indexes: [] },
  origin,
});
const add = (name: string, each: string): Operation => ({
  kind: 'addColumn',
  table: { schema: null, name },
  column: column(each),
  origin,
});

function graphOf(parents: Record<string, string[]>): RevisionGraph {
  const order = Object.keys(parents);
  const childrenById = new Map(order.map((id) => [id, order.filter((other) => parents[other]?.includes(id))]));
  const heads = order.filter((id) => childrenById.get(id)?.length === 0);
  const predecessorsById = new Map(Object.entries(parents));
  return {
    revisions: new Map(order.map((id) => [id, { id } as Revision])),
    duplicates: new Map(),
    unreadable: [],
    heads,
    effectiveHeads: heads,
    possibleHeads: heads,
    bases: order.filter((id) => parents[id]?.length === 0),
    branchPoints: order.filter((id) => (childrenById.get(id)?.length ?? 0) > 1),
    mergePoints: [],
    order,
    faults: [],
    parentsById: predecessorsById,
    predecessorsById,
    childrenById,
    missingById: new Map(),
  };
}

function replayed(parents: Record<string, string[]>, operations: Record<string, Operation[]>) {
  const graph = graphOf(parents);
  const result = replay(
    {
      graph,
      evaluate: (revision, _direction, sink) => {
        for (const each of operations[revision] ?? []) sink.apply(each);
      },
    },
    { namingConvention: null },
  );
  return { graph, replay: result };
}

const without = (schema: Schema, key: string): Schema => ({
  ...schema,
  tables: new Map([...schema.tables].filter(([each]) => each !== key)),
});

describe('rankRevisions', () => {
  const line = replayed(
    { a: [], b: ['a'], c: ['b'], d: ['c'], e: ['d'] },
    { a: [create('t', 'id')], b: [create('u', 'id', 'x')], d: [add('t', 'y')], e: [create('w', 'id')] },
  );

  it('finds the revision, with ties oldest first', () => {
    const ranked = rankRevisions({ ...line, live: line.replay.schemaAfter('c') });
    expect(ranked.slice(0, 2).map((each) => [each.revisions, each.score])).toEqual([
      [['b'], 1],
      [['c'], 1],
    ]);
    expect(ranked[0]?.differences).toEqual([]);
    expect(ranked[2]?.score).toBeLessThan(1);
  });

  it('names the same first places where live is known to be exactly that, without a look at it', () => {
    for (const at of ['a', 'b', 'c', 'd', 'e']) {
      const ranked = rankRevisions({ ...line, live: line.replay.schemaAfter(at) }).filter(({ score }) => score === 1);
      expect(exactPlaces(line.graph, line.replay, [at])).toEqual(ranked);
    }
    expect(exactPlaces(line.graph, line.replay, ['c', 'e']).map(({ revisions }) => revisions)).toEqual([['c', 'e']]);
  });

  it('finds it with an object missing, and says which', () => {
    const ranked = rankRevisions({ ...line, live: without(line.replay.schemaAfter('e'), 'public.u') });
    expect(ranked[0]).toMatchObject({ revisions: ['e'], unexpected: 0 });
    expect(ranked[0]?.differences?.map((each) => `${each.direction} ${each.key}`)).toEqual(['missing public.u']);
  });

  it("takes Alembic's own table in a dumped base, and types of an extension elsewhere, for no difference", () => {
    const dumped = replayed({ a: [], b: ['a'] }, { a: [create('alembic_version', 'version_num'), create('t', 'id')] });
    const typed = (type: string): Schema => {
      const schema = without(dumped.replay.schemaAfter('a'), 'public.alembic_version');
      const t = schema.tables.get('public.t') as Table;
      const columns = new Map([['id', { ...(t.columns.get('id') as Column), type }]]);
      return { ...schema, tables: new Map([['public.t', { ...t, columns }]]) };
    };
    expect(rankRevisions({ ...dumped, live: typed('integer') })[0]).toMatchObject({ revisions: ['a'], score: 1 });
    const table = { schema: null, name: 't' };
    const cited = replayed(
      { a: [] },
      { a: [create('t', 'id'), { kind: 'alterColumn', table, column: 'id', type: 'citext', origin }] },
    );
    const ranked = rankRevisions({
      ...cited,
      live: typed('ext.citext'),
      options: { extensionObjects: new Set(['ext.citext']) },
    });
    expect(ranked[0]).toMatchObject({ score: 1, differences: [] });
  });

  it('an empty database is before every revision', () => {
    const ranked = rankRevisions({ ...line, live: line.replay.schemaAt([]) });
    expect(ranked[0]).toMatchObject({ revisions: [], score: 1, missing: 0, unexpected: 0 });
  });

  it('finds a state of two branches that no revision is', () => {
    const branches = replayed(
      { a: [], b1: ['a'], b2: ['b1'], c1: ['a'], c2: ['c1'] },
      {
        a: [create('t', 'id')],
        b1: [create('b1', 'id')],
        b2: [create('b2', 'id')],
        c1: [create('c1', 'id')],
        c2: [create('c2', 'id')],
      },
    );
    const ranked = rankRevisions({ ...branches, live: branches.replay.schemaAt(['b2', 'c1']) });
    expect(ranked[0]).toMatchObject({ revisions: ['b2', 'c1'], score: 1 });
    expect(ranked[1]?.score).toBeLessThan(1);
  });

  it('finds a state of a dozen branches, one of them merged, without trying all of them together', () => {
    const parents: Record<string, string[]> = { base: [] };
    const operations: Record<string, Operation[]> = { base: [create('t', 'id')] };
    const at: string[] = [];
    for (let branch = 0; branch < 12; branch++) {
      for (let place = 0; place < 30; place++) {
        const id = `b${String(branch).padStart(2, '0')}p${String(place).padStart(2, '0')}`;
        parents[id] = [
          place === 0 ? 'base' : `b${String(branch).padStart(2, '0')}p${String(place - 1).padStart(2, '0')}`,
        ];
        operations[id] =
          place % 4 === 3 ? [add('t', `x${branch}_${place}`)] : [create(`t${branch}_${place}`, 'id', 'x')];
        if (place === 5 + branch) at.push(id);
      }
    }
    parents.merge = ['b00p05', 'b01p06'];
    operations.merge = [create('merged', 'id')];
    const many = replayed(parents, operations);
    const there = ['merge', ...at.slice(2)];
    const live = structuredClone(without(many.replay.schemaAt(there), 'public.t7_2'));
    const started = performance.now();
    const ranked = rankRevisions({ ...many, live });
    expect(performance.now() - started).toBeLessThan(2000);
    expect(ranked[0]?.revisions).toEqual([...there].sort());
    expect(ranked[0]?.differences?.map(({ key }) => key)).toEqual(['public.t7_2']);
  });

  it('ranks 450 revisions over 500 tables in less than two seconds', () => {
    const parents: Record<string, string[]> = {};
    const operations: Record<string, Operation[]> = {};
    for (let i = 0; i < 450; i++) {
      const id = `r${String(i).padStart(3, '0')}`;
      parents[id] = i === 0 ? [] : [`r${String(i - 1).padStart(3, '0')}`];
      operations[id] =
        i === 0
          ? Array.from({ length: 500 }, (_, t) => create(`t${t}`, ...Array.from({ length: 10 }, (_, c) => `c${c}`)))
          : [add(`t${i}`, 'more')];
    }
    const large = replayed(parents, operations);
    // Another database's value: nothing is shared by identity.
    const live = structuredClone(large.replay.schemaAfter('r300'));
    const started = performance.now();
    const ranked = rankRevisions({ ...large, live });
    expect(performance.now() - started).toBeLessThan(2000);
    expect(ranked[0]?.revisions).toEqual(['r300']);
    expect(ranked[0]?.score).toBe(1);
    expect(compareSchemas(large.replay.schemaAfter('r300'), live).differences).toEqual([]);
  });
});
