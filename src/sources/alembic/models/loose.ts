/** Indexes, keys and checks that stand beside the columns of a class, or beside the class: whose table they are of. */
import {
  canonicalPath,
  type Effects,
  isElsewhere,
  nameOf,
  nameOfTable,
  type ReadTable,
  readConstraint,
  readIndex,
  tableOfClass,
} from '../operations/index.ts';
import { isObject, type Machine, type Made, plain, type Value } from '../python/index.ts';
import type { Found, Lost } from './classes.ts';

/** `Index('ix', Model.column)` beside the class, `UniqueConstraint(a, b)` beside columns: of the table of its first column. */
export function addLoose(
  machine: Machine,
  effects: Effects,
  found: readonly Found[],
  files: readonly string[],
  lost: Lost,
): void {
  for (const made of effects.loose ?? []) {
    if (isElsewhere(made)) continue;
    const isIndex = canonicalPath(made.path) === 'sa.Index';
    const table = made.positional
      .slice(isIndex ? 1 : 0)
      .map((key) => ownerOf(machine, key))
      .find((name) => name !== null);
    const target = table === undefined ? undefined : found.find((one) => one.table.table.name.name === table);
    if (!isIndex) {
      if (target) addLooseConstraint(machine, target.table, made);
      continue;
    }
    const name = nameOf(made.positional[0] ?? made.named.get('name'));
    const isInArguments = found.some(
      ({ table }) => name && table.table.indexes.some((index) => index.name === name.name),
    );
    const file = effects.relative(made.file);
    if (!target && !isInArguments && name !== null && files.includes(file))
      lost(file, 1, `the table of the index ${name.name} is not known`);
    if (!target || (name && target.table.table.indexes.some((index) => index.name === name.name))) continue;
    const index = readIndex(machine, name, made.positional.slice(1), made.named);
    if (typeof index === 'string') target.table.problems.push(index);
    else target.table.table.indexes.push(index);
  }
}

/** One that stands in `__table_args__` or at a column is there already. */
function addLooseConstraint(machine: Machine, { table, problems }: ReadTable, made: Made): void {
  const constraint = readConstraint(machine, made);
  if (typeof constraint === 'string') problems.push(constraint);
  if (constraint === null || typeof constraint === 'string') return;
  const isThere = table.constraints.some(
    (other) =>
      other.type === constraint.type &&
      (constraint.type === 'c'
        ? other.expression === constraint.expression
        : other.columns.join() === constraint.columns.join()),
  );
  if (!isThere) table.constraints.push(constraint);
}

/** The table of the column that an index key is made of. */
function ownerOf(machine: Machine, value: Value, depth = 0): string | null {
  const bare = plain(value);
  if (!isObject(bare) || depth > 6) return null;
  if (bare.kind === 'class') return tableOfClass(machine, bare)?.name ?? null;
  if (bare.kind === 'member') return ownerOf(machine, bare.object, depth + 1);
  if (bare.kind === 'operated') return ownerOf(machine, bare.operands[0] ?? null, depth + 1);
  if (bare.kind !== 'made') return null;
  const table = nameOfTable(bare);
  if (table) return table.name;
  const owner = plain(bare.attributes.get('@class') ?? null);
  if (isObject(owner) && owner.kind === 'class') return tableOfClass(machine, owner)?.name ?? null;
  for (const part of [bare.receiver, ...bare.positional]) {
    const found = part === null ? null : ownerOf(machine, part, depth + 1);
    if (found !== null) return found;
  }
  return null;
}
