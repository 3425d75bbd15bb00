/** How scripts run seeds and what they hide, with exact places. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSeedRunners, readSurroundings } from '../../src/history/index.ts';
import type { SurroundingFile } from '../../src/model/project.ts';
import type { SeedReading, SeedRunner } from '../../src/model/seed.ts';

const seed = (file: string, more: Partial<SeedReading> = {}): SeedReading => ({
  file,
  text: '',
  contentHash: '',
  version: [],
  statements: [],
  blocks: [],
  directives: [],
  errors: [],
  ...more,
});

function runnerOf(
  text: string,
  options: { kind?: SurroundingFile['kind']; file?: string; seeds?: SeedReading[] } = {},
): SeedRunner | undefined {
  const { kind = 'shell', file = 'scripts/run.sh', seeds = [seed('scripts/seed_demo.sql')] } = options;
  return readSeedRunners([{ file, kind, text }], seeds)[0];
}

const hides = (text: string, options: Parameters<typeof runnerOf>[1] = {}): string[] =>
  runnerOf(text, options)?.hides.map(({ what, line }) => `${line} ${what}`) ?? ['no runner'];

describe('readSeedRunners', () => {
  it('tells a script that hides everything, with the text at each place', () => {
    const text = `#!/bin/bash
SEED_VERSION="1.0.0"
DIR="$(dirname "$0")"
SEED="$DIR/seed_demo.sql"
if psql "$URL" -c 'SELECT 1 FROM users' 2>/dev/null; then echo old; fi
psql "$URL" \\
  -f "$SEED" 2>&1 | tee log.txt
echo "Database seeded successfully"
`;
    const runner = runnerOf(text)!;
    expect(runner.runs).toEqual([
      { line: 6, target: expect.stringContaining('seed_demo.sql'), resolved: 'scripts/seed_demo.sql', withPsql: true },
    ]);
    expect(runner.hides.map(({ what, line }) => [line, what])).toEqual([
      [5, 'stderr-dropped'],
      [6, 'no-on-error-stop'],
      [6, 'no-pipefail'],
      [8, 'success-regardless'],
    ]);
    for (const { span, text: shown } of runner.hides) expect(text.slice(span.from, span.to)).toBe(shown);
    expect(runner.hides[1]!.text).toBe('psql "$URL" \\\n  -f "$SEED" 2>&1 | tee log.txt');
    expect(runner.version).toEqual([
      { value: '1.0.0', line: 2, span: { from: text.indexOf('1.0.0'), to: text.indexOf('1.0.0') + 5 } },
    ]);
  });

  it('finds nothing in a script that does it right', () => {
    expect(
      hides(
        '#!/bin/bash\nset -euo pipefail\npsql "$URL" -v ON_ERROR_STOP=1 -f scripts/seed_demo.sql | tee log\necho "done"\n',
      ),
    ).toEqual([]);
    expect(hides('PSQL="psql --set=ON_ERROR_STOP=on"\nset -e\n$PSQL -f seed_demo.sql\n')).toEqual([]);
    expect(hides('if psql -v ON_ERROR_STOP=1 -f seed_demo.sql; then\n  echo "seeded successfully"\nfi\n')).toEqual([]);
    expect(hides('psql -v ON_ERROR_STOP=1 -f seed_demo.sql || exit 1\necho "done"\n')).toEqual([]);
  });

  it('takes a seed that stops by itself', () => {
    const seeds = [
      seed('scripts/seed_demo.sql', {
        directives: [{ line: 1, span: { from: 0, to: 0 }, command: '\\set', text: '\\set ON_ERROR_STOP on' }],
      }),
    ];
    expect(hides('set -e\npsql -f seed_demo.sql\n', { seeds })).toEqual([]);
  });

  it.each([
    ['|| true', 'psql -v ON_ERROR_STOP=1 -f seed_demo.sql || true\n', ['1 or-true']],
    ['|| echo', 'psql -v ON_ERROR_STOP=1 -f seed_demo.sql || echo failed\n', ['1 or-true']],
    ['ON_ERROR_STOP=0', 'psql -v ON_ERROR_STOP=0 -f seed_demo.sql\n', ['1 no-on-error-stop']],
    ['input by <', 'psql $URL < seed_demo.sql\n', ['1 no-on-error-stop']],
    ['a container', 'docker compose exec -T db psql -U me < scripts/seed_demo.sql\n', ['1 no-on-error-stop']],
    ['no set -e', 'psql -v ON_ERROR_STOP=1 -f seed_demo.sql\necho "Seeding complete"\n', ['2 success-regardless']],
  ])('sees %s', (_name, text, expected) => {
    expect(hides(text)).toEqual(expected);
  });

  it('reads Makefiles and CI files, where a shell has no pipefail by itself', () => {
    expect(
      hides('seed:\n\t@psql $(URL) -v ON_ERROR_STOP=1 -f db/seed_demo.sql | tee x\n', {
        kind: 'make',
        file: 'Makefile',
      }),
    ).toEqual(['2 no-pipefail']);
    const workflow = (shell: string) =>
      `jobs:\n  a:\n    steps:\n      - run: psql -v ON_ERROR_STOP=1 -f scripts/seed_demo.sql | tee x\n${shell}`;
    expect(hides(workflow(''), { kind: 'ci' })).toEqual(['4 no-pipefail']);
    expect(hides(workflow('        shell: bash\n'), { kind: 'ci' })).toEqual([]);
  });

  it('is not taken in by a seed that is only named', () => {
    for (const text of [
      '# psql -f seed_demo.sql\n',
      'SEED=seed_demo.sql\n',
      'echo "run psql -f seed_demo.sql"\n',
      'if [ ! -f seed_demo.sql ]; then exit 1; fi\n',
      'cat <<EOF\npsql -f seed_demo.sql\nEOF\n',
    ])
      expect(runnerOf(text), text).toBeUndefined();
  });
});

describe('readSurroundings', () => {
  it('takes what runs the chain, by kind, and leaves the rest', () => {
    const dir = mkdtempSync(join(tmpdir(), 'chain-around-'));
    const write = (file: string, text: string) => {
      mkdirSync(dirname(join(dir, file)), { recursive: true });
      writeFileSync(join(dir, file), text);
    };
    write('scripts/seed.sh', 'x');
    write('bin/start', '#!/usr/bin/env bash\nalembic upgrade head\n');
    write('bin/tool', '#!/usr/bin/env python3\n');
    write('Dockerfile', 'FROM x');
    write('docker-compose.yml', 'x');
    write('.github/workflows/ci.yml', 'x');
    write('Makefile', 'x');
    write('Procfile', 'x');
    write('app/main.py', 'Base.metadata.create_all(engine)\n');
    write('app/other.py', 'x = 1\n');
    write('node_modules/a/b.sh', 'x');
    write('.venv/bin/activate.sh', 'x');
    write('big.sh', 'x'.repeat(500_000));
    try {
      expect(readSurroundings(dir).map(({ file, kind }) => `${kind} ${file}`)).toEqual([
        'ci .github/workflows/ci.yml',
        'container Dockerfile',
        'make Makefile',
        'shell Procfile',
        'python app/main.py',
        'shell bin/start',
        'container docker-compose.yml',
        'shell scripts/seed.sh',
      ]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
