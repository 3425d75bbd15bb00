/** What a wrong word on the command line is answered with. */
import { expect, it } from 'vitest';
import { type Command, commands, unknownCommand, unknownWords } from '../src/command-line.ts';

const command = (verb: string) => commands.find(({ usage }) => usage.split(' ')[0] === verb) as Command;

function answer(verb: string, argv: Record<string, unknown>): string | null {
  const error = unknownWords(command(verb), { _: [verb], $0: 'chain', ...argv });
  return error === null ? null : `${error.message} ${error.hint}`;
}

it('tells a flag once, however often the parser spells it', () => {
  expect(answer('doctor', { 'fial-on': 'error', fialOn: 'error' })).toBe(
    '`chain doctor` knows no flag --fial-on. Did you mean --fail-on? `chain doctor --help` lists its flags.',
  );
});

it.each([
  ['doctor', { scrach: false }, 'no flag --no-scrach. Did you mean --no-scratch?'],
  ['graph', { form: 'json' }, 'Did you mean --format?'],
  ['doctor', { 'write-lock': true, writeLock: true }, '--write-lock is a flag of `chain gate`.'],
  ['doctor', { aply: true }, '--apply is a flag of `chain repair`.'],
  ['repair', { frobnicate: true }, 'no flag --frobnicate. `chain repair --help`'],
  ['repair', { x: true, y: true }, 'no flag -x and no flag -y.'],
  ['doctor', { _: ['doctor', 'public.users'] }, 'does not know what to do with "public.users".'],
])('%s %j', (verb, argv, words) => {
  expect(answer(verb, argv)).toContain(words);
});

it.each(commands.map((each) => [each.usage, each] as const))('%s knows its own words', (_, each) => {
  const own = Object.keys(each.flags ?? {});
  const argv = Object.fromEntries([...own, 'format', 'fail-on', 'failOn', 'url'].map((name) => [name, 'x']));
  const positional = each.positional ? { [each.positional.name]: 'x' } : {};
  expect(unknownWords(each, { _: ['verb'], $0: 'chain', ...argv, ...positional })).toBeNull();
});

it('proposes a command that a slip of the pen leads from, and none for a word of its own', () => {
  expect(unknownCommand('docter').hint).toContain('Did you mean `chain doctor`?');
  expect(unknownCommand('loc').hint).toContain('`chain locate`');
  expect(unknownCommand('fix').hint).not.toContain('Did you mean');
});
