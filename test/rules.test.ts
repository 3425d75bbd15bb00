/** One name everywhere: a rule's id, its file, its line in the contents, its words; and a test that mentions it. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { allRules } from '../src/rules/index.ts';

const folder = fileURLToPath(new URL('../src/rules/', import.meta.url));
const files = readdirSync(folder)
  .filter((file) => readFileSync(`${folder}${file}`, 'utf8').includes('export default defineRule('))
  .map((file) => file.replace(/\.ts$/, ''));
const contents = readFileSync(`${folder}index.ts`, 'utf8');

describe('rules', () => {
  it('every rule file is in the contents by one line', () => {
    for (const id of files) expect(contents, `add to src/rules/index.ts: ${id}`).toContain(` from './${id}.ts';\n`);
    expect(allRules).toHaveLength(files.length);
  });
  it.each(allRules.map((rule) => [rule.id, rule] as const))('%s', (id, rule) => {
    expect(files, 'the id is the file name').toContain(id);
    expect(rule.title).toMatch(/^\S.*[^.]$/);
    for (const text of [rule.docs.problem, rule.docs.consequence, rule.docs.repair])
      expect(text).toMatch(/^.{15,}[.)]$/s);
    const text = readFileSync(`${folder}${id}.ts`, 'utf8');
    expect(text.startsWith('/**'), 'a module opens with what it owns').toBe(true);
    if (rule.probe !== null) expect([...rule.needs, ...rule.wants]).toContain('answers');
  });
});
