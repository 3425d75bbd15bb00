/** Names taken and children, kept along while tables change. */
import { expect, it } from 'vitest';
import { emptySchema, type Table } from '../../src/model/schema.ts';
import { SchemaDraft } from '../../src/replay/draft.ts';

const named = <Part>(...parts: (Part & { name: string })[]) => new Map(parts.map((part) => [part.name, part]));

function table(name: string, keys: string[], indexes: string[], parents: string[] = []): Table {
  return {
    namespace: 'public',
    name,
    constraints: named(...keys.map((each) => ({ name: each, type: each.startsWith('ck') ? 'c' : 'p' }))),
    indexes: named(...indexes.map((each) => ({ name: each }))),
    parents,
  } as never;
}

it('follows what is set, changed and deleted, from one draft to the next and to a branch', () => {
  const state = { schema: emptySchema(), searchPath: ['public'], temporaries: new Set<string>() };
  const draft = new SchemaDraft(state, { namingConvention: null });
  expect(draft.isRelation('public', 'i')).toBe(false);
  draft.setTable(table('a', ['a_pkey', 'ck_a'], ['i']));
  draft.setTable(table('b', ['b_pkey'], [], ['public.a']));
  expect(draft.isRelation('public', 'i')).toBe(true);
  expect(draft.isRelation('public', 'ck_a')).toBe(false);
  expect(draft.isConstraint('public', 'ck_a')).toBe(true);
  expect([...draft.childrenOf('public.a')]).toEqual(['public.b']);
  const before = draft.state;

  const [next, branch] = [0, 1].map(() => new SchemaDraft(before, { namingConvention: null })) as [
    SchemaDraft,
    SchemaDraft,
  ];
  next.isRelation('public', 'i');
  next.delete('tables', 'public.b');
  next.change('public.a', (each) => ({ ...each, indexes: new Map() }));
  expect(next.isRelation('public', 'i')).toBe(false);
  expect(next.isRelation('public', 'b_pkey')).toBe(false);
  expect([...next.childrenOf('public.a')]).toEqual([]);
  // What another line changed is not this one's.
  expect(branch.isRelation('public', 'i')).toBe(true);
  expect([...branch.childrenOf('public.a')]).toEqual(['public.b']);
});
