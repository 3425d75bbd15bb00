/**
 * What each revision did to the state before it, and states put together from that: a state for each revision would cost
 * the square of their number, and running their operations again what running them has cost.
 */
import type { SchemaChanges, SchemaMap } from '../model/replay.ts';
import type { Schema } from '../model/schema.ts';
import type { ReplayState } from './draft.ts';

export interface Step {
  changes: SchemaChanges;
  /** What of a state is small and changes rarely, as it was once the revision ran. */
  frame: StateFrame;
}

export interface StateFrame extends Omit<ReplayState, 'schema'>, Pick<Schema, 'namespaces' | 'suspected'> {}

/** The state behind `steps`, the first of which follows on `state`. */
export function afterSteps(state: ReplayState, steps: readonly Step[]): ReplayState {
  const maps: { [N in SchemaMap]?: Map<string, unknown> } = {};
  for (const { changes } of steps) {
    for (const name of Object.keys(changes) as SchemaMap[]) {
      const map = maps[name] ?? new Map<string, unknown>(state.schema[name]);
      maps[name] = map;
      for (const [key, { after, isMadeAgain }] of changes[name] ?? []) {
        if (after === undefined || isMadeAgain) map.delete(key);
        if (after !== undefined) map.set(key, after);
      }
    }
  }
  const { namespaces, suspected, searchPath, temporaries } = (steps[steps.length - 1] as Step).frame;
  const isSameSchema =
    Object.keys(maps).length === 0 && namespaces === state.schema.namespaces && suspected === state.schema.suspected;
  if (isSameSchema) return { schema: state.schema, searchPath, temporaries };
  const { suspected: _, ...rest } = state.schema;
  const schema = { ...rest, ...maps, namespaces, ...(suspected === undefined ? {} : { suspected }) } as Schema;
  return { schema, searchPath, temporaries };
}
