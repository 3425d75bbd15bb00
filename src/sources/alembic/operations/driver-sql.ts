/**
 * Statements put together with the driver's own `sql` module (psycopg2/sql.py, psycopg/sql.py): `SQL('… {}').format(…)`,
 * `Identifier`, `Literal`, `SQL(', ').join(…)`, `+`, and their text by `as_string()`.
 */
import { formatBraces } from '../python/formatting.ts';
import { isObject, type Machine, plain, textOf, toItems, type Value } from '../python/index.ts';
import { asMade } from './made.ts';
import { literalText } from './sql-text.ts';

const part = /^psycopg2?\.sql\.(SQL|Identifier|Literal|Composed)$/;

/** The text of a composed statement; null where it is none, or a part of it is not known. */
export function composedText(machine: Machine, value: Value): string | null {
  const bare = plain(value);
  if (isObject(bare) && bare.kind === 'operated' && bare.operator === '+') {
    const texts = bare.operands.map((each) => composedText(machine, each));
    return texts.includes(null) ? null : texts.join('');
  }
  const made = asMade(bare);
  if (made === null) return null;
  if (made.receiver !== null) {
    const template = composedText(machine, made.receiver);
    if (template === null) return null;
    if (made.path === '.join') {
      const texts = (toItems(machine, made.positional[0] ?? null) ?? [null]).map((each) => composedText(machine, each));
      return texts.includes(null) ? null : texts.join(template);
    }
    if (made.path !== '.format') return null;
    const text = (each: Value): Value => composedText(machine, each) ?? each;
    const isWhole = [...made.positional, ...made.named.values()].every((each) => composedText(machine, each) !== null);
    const named = new Map([...made.named].map(([name, each]) => [name, text(each)]));
    return isWhole ? textOf(formatBraces(machine, template, made.positional.map(text), named)) : null;
  }
  const name = part.exec(made.path)?.[1];
  const [first = null] = made.positional;
  if (name === 'SQL') return textOf(first);
  if (name === 'Literal') return literalText(first);
  if (name === 'Identifier') {
    // Always quoted, and dotted where there are several.
    const texts = made.positional.map(textOf);
    return texts.includes(null) ? null : texts.map((text) => `"${text?.replaceAll('"', '""')}"`).join('.');
  }
  if (name !== 'Composed') return null;
  const texts = (toItems(machine, first) ?? [null]).map((each) => composedText(machine, each));
  return texts.includes(null) ? null : texts.join('');
}
