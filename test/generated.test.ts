/**
 * The parts of the README that the code itself writes: `--help`, the rules, the settings.
 * `npm run generate` writes them; this test fails when they are not what the code says.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { allRules } from '../src/rules/index.ts';
import { settingsDocs } from '../src/settings.ts';
import { readingRows } from './support/reading-table.ts';

const readmePath = fileURLToPath(new URL('../README.md', import.meta.url));
const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const isWriting = process.env.CHAIN_GENERATE === '1';

/** Held to what happens by test/sources/operations/reading-table.test.ts. */
const readingWord = { read: 'read', assumed: 'read; the assumption is named', opaque: 'opaque' };

const severityWord = { error: 'error', warning: 'warning', info: 'info' };

function help(...args: string[]): string {
  const text = execFileSync(process.execPath, [cli, ...args, '--help'], {
    encoding: 'utf8',
    env: { ...process.env, COLUMNS: '110' },
  });
  return text.trimEnd();
}

const sections: Record<string, () => string> = {
  commands: () => `\`\`\`text\n${help()}\n\`\`\``,
  rules: () => {
    const rows = allRules.map((rule) => `| \`${rule.id}\` | ${severityWord[rule.severity]} | ${rule.title} |`);
    return ['| rule | severity | what it tells |', '|---|---|---|', ...rows].join('\n');
  },
  reading: () => {
    const rows = readingRows.map(({ construct, is }) => `| ${construct.replaceAll('|', '\\|')} | ${readingWord[is]} |`);
    return ['| in a revision | |', '|---|---|', ...rows].join('\n');
  },
  settings: () => {
    const rows = Object.entries(settingsDocs).map(([key, text]) => `| \`${key}\` | ${text} |`);
    return ['| setting | what it does |', '|---|---|', ...rows].join('\n');
  },
};

it('README says what the code says', () => {
  const before = readFileSync(readmePath, 'utf8');
  const after = before.replace(
    /(<!-- generated: (\w+) -->\n)[\s\S]*?(<!-- end generated -->)/g,
    (whole, open: string, name: string, close: string) => {
      const write = sections[name];
      return write ? `${open}${write()}\n${close}` : whole;
    },
  );
  if (isWriting) writeFileSync(readmePath, after);
  else expect(before).toBe(after);
});
