/** How scripts run seeds and what they hide, with exact places. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { readSeedRunners, readSurroundings } from '../../src/history/index.ts';
import type { SurroundingFile } from '../../src/model/project.ts';
import type { SeedReading, SeedRunner } from '../../src/model/seed.ts';
import { findRule } from '../../src/rules/index.ts';

const seed = (file: string, more: Partial<SeedReading> = {}): SeedReading => ({
  file,
  inclusion: null,
  included: [],
  order: null,
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
  it.each([
    ['set -o errexit', 'set -o errexit\npsql -v ON_ERROR_STOP=1 -f seed_demo.sql\necho "Seeded"'],
    ['a trap that ends it', "trap 'echo no; exit 1' ERR\npsql -v ON_ERROR_STOP=1 -f seed_demo.sql\necho Seeded"],
    ['arguments in a list', `set -e\nargs=(-X -v ON_ERROR_STOP=1)\npsql "\${args[@]}" -f seed_demo.sql`],
    ['a list over lines', `set -e\nargs=(\n  -X\n)\nargs+=(-v ON_ERROR_STOP=1)\npsql "\${args[@]}" -f seed_demo.sql`],
    [
      'a wait for the server',
      'set -e\nuntil psql -c "select 1" >/dev/null 2>&1; do sleep 1; done\npsql -v ON_ERROR_STOP=1 -f seed_demo.sql',
    ],
    [
      'another command that may fail',
      'set -e\npsql -c "CREATE ROLE app" || true\npsql -v ON_ERROR_STOP=1 -f seed_demo.sql',
    ],
    [
      'an outcome that is asked for',
      'psql -v ON_ERROR_STOP=1 -f seed_demo.sql\nif [ $? -ne 0 ]; then\n  echo no\n  exit 1\nfi\necho Seeded',
    ],
    [
      'a branch that ends it',
      'if psql -v ON_ERROR_STOP=1 -f seed_demo.sql; then\n  echo Seeded\nelse\n  echo no\n  exit 1\nfi\necho complete',
    ],
  ])('finds nothing in a sound script: %s', (_, text) => {
    expect(hides(`#!/bin/bash\n${text}\n`)).toEqual([]);
  });

  it.each([
    [
      'if psql -v ON_ERROR_STOP=1 -f seed_demo.sql; then\n  echo Seeded\nelse\n  echo no\nfi\necho complete',
      ['2 failure-ignored'],
    ],
    ['if ! psql -v ON_ERROR_STOP=1 -f seed_demo.sql; then\n  echo no\nfi\necho complete', ['2 failure-ignored']],
    ['psql -v ON_ERROR_STOP=1 -f seed_demo.sql\necho "exit: $?"\necho Seeded', ['4 success-regardless']],
    ['set -e\npsql -v ON_ERROR_STOP=0 -f seed_demo.sql', ['3 no-on-error-stop']],
    // Without an `else` it ends with 0 whatever psql did.
    ['if psql -v ON_ERROR_STOP=1 -f seed_demo.sql; then\n  echo "seeded successfully"\nfi', ['2 failure-ignored']],
    [
      'psql -v ON_ERROR_STOP=1 -f seed_demo.sql\nif [ $? -eq 0 ]; then\n  echo Seeded\nelse\n  echo no\nfi',
      ['3 failure-ignored'],
    ],
    [
      'psql -v ON_ERROR_STOP=1 -f seed_demo.sql\nrc=$?\nif [[ "$rc" != 0 ]]; then\n  echo no\nfi',
      ['4 failure-ignored'],
    ],
  ])('tells what goes on after a failure: %s', (text, expected) => {
    expect(hides(`#!/bin/bash\n${text}\n`)).toEqual(expected);
  });

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
    expect(hides('psql -v ON_ERROR_STOP=1 -f seed_demo.sql || exit 1\necho "done"\n')).toEqual([]);
  });

  it('looks in the recipe of a Makefile that runs the seed, and in no other', () => {
    const makefile = `status:
\t@psql "$(DSN)" -c "SELECT * FROM versions" 2>/dev/null || echo "(none)"

seed:
\tpsql "$(DSN)" -f seed_demo.sql
\t@echo "half way"
# all
other:
\t@echo "complete"
`;
    expect(hides(makefile, { kind: 'make', file: 'Makefile' })).toEqual(['5 no-on-error-stop']);
    const said = makefile.replace('half way', 'Seeded');
    expect(hides(said, { kind: 'make', file: 'Makefile' })).toEqual(['5 no-on-error-stop', '6 success-regardless']);
  });

  it('takes a seed that stops by itself', () => {
    const seeds = [
      seed('scripts/seed_demo.sql', {
        directives: [{ line: 1, span: { from: 0, to: 0 }, command: '\\set', text: 'ON_ERROR_STOP on' }],
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

describe('spellings of a run', () => {
  const sh = '#!/usr/bin/env bash\nset -euo pipefail\n';
  const files: Record<string, string> = {
    ci: '.github/workflows/seed.yml',
    make: 'Makefile',
    package: 'package.json',
    container: 'Dockerfile',
    shell: 'scripts/run.sh',
  };
  const hides = (file: string, kind: string, text: string, of = seed('scripts/seed.sql')) =>
    readSeedRunners([{ file, kind: kind as 'shell', text }], [of]);

  it.each<[name: string, kind: string, text: string, hides: string]>([
    ['plain', 'shell', '#!/bin/bash\nset -e\npsql "$URL" -f scripts/seed.sql\n', 'no-on-error-stop'],
    [
      'ok -v',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\n',
      '',
    ],
    [
      'ok -vX',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -vON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\n',
      '',
    ],
    [
      'ok --set=',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql --set=ON_ERROR_STOP=on "$URL" -f scripts/seed.sql\n',
      '',
    ],
    [
      'ok --set ',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql --set ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\n',
      '',
    ],
    [
      'ok --variable',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql --variable=ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\n',
      '',
    ],
    [
      'ok quoted',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -v "ON_ERROR_STOP=1" "$URL" < scripts/seed.sql\n',
      '',
    ],
    [
      'off',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -v ON_ERROR_STOP=0 "$URL" -f scripts/seed.sql\n',
      'no-on-error-stop',
    ],
    [
      'ok combined short flags',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -qXv ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\n',
      '',
    ],
    [
      'ok via var',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\nPSQL="psql -v ON_ERROR_STOP=1 $URL"\n$PSQL -f scripts/seed.sql\n',
      '',
    ],
    [
      'bad via var',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\nPSQL="psql $URL"\n$PSQL -f scripts/seed.sql\n',
      'no-on-error-stop',
    ],
    [
      'array',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\nPSQL=(psql -v ON_ERROR_STOP=1 "$URL")\n"\u0024{PSQL[@]}" -f scripts/seed.sql\n',
      '',
    ],
    [
      'tee',
      'shell',
      '#!/bin/bash\nset -e\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql 2>&1 | tee log\n',
      'no-pipefail',
    ],
    [
      'tee ok',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql 2>&1 | tee log\n',
      '',
    ],
    [
      'tee PIPESTATUS',
      'shell',
      '#!/bin/bash\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql 2>&1 | tee log\nif [ \u0024{PIPESTATUS[0]} -ne 0 ]; then exit 1; fi\n',
      '',
    ],
    ['cat pipe', 'shell', '#!/bin/bash\nset -e\ncat scripts/seed.sql | psql "$URL"\n', 'no-on-error-stop'],
    ['cat pipe ok', 'shell', '#!/bin/bash\nset -e\ncat scripts/seed.sql | psql -v ON_ERROR_STOP=1 "$URL"\n', ''],
    [
      'or true',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql || true\n',
      'or-true',
    ],
    [
      'or echo',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql || echo "seed failed, continuing"\n',
      'or-true',
    ],
    [
      'or exit',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql || { echo failed; exit 1; }\n',
      '',
    ],
    [
      'or echo && exit',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql || (echo failed && exit 1)\n',
      '',
    ],
    [
      'devnull',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql 2>/dev/null\n',
      'stderr-dropped',
    ],
    [
      'stdout devnull ok',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql >/dev/null\n',
      '',
    ],
    [
      'no set -e',
      'shell',
      '#!/bin/bash\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\necho "Seeded successfully"\n',
      'success-regardless',
    ],
    ['no set -e last', 'shell', '#!/bin/bash\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\n', ''],
    [
      'if',
      'shell',
      '#!/bin/bash\nif psql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql; then\n  echo "done, success"\nelse\n  exit 1\nfi\n',
      '',
    ],
    [
      'and echo',
      'shell',
      '#!/bin/bash\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql && echo "seeded successfully"\n',
      '',
    ],
    [
      '$? check',
      'shell',
      '#!/bin/bash\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\nif [ $? -ne 0 ]; then exit 1; fi\necho "seeded successfully"\n',
      '',
    ],
    [
      'heredoc',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql "$URL" <<EOF\n\\i scripts/seed.sql\nEOF\n',
      'no-on-error-stop',
    ],
    [
      'heredoc sets',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql "$URL" <<EOF\n\\set ON_ERROR_STOP on\n\\i scripts/seed.sql\nEOF\n',
      '',
    ],
    [
      'docker exec',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\ndocker exec -i db psql -U postgres app < scripts/seed.sql\n',
      'no-on-error-stop',
    ],
    [
      'compose exec',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\ndocker compose exec -T db psql -U postgres -v ON_ERROR_STOP=1 app < scripts/seed.sql\n',
      '',
    ],
    [
      'compose sh -c',
      'shell',
      "#!/usr/bin/env bash\nset -euo pipefail\ndocker compose exec -T db sh -c 'psql -U postgres app < /seed/seed.sql'\n",
      'no-on-error-stop',
    ],
    [
      'kubectl',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\nkubectl exec -i pg-0 -- psql app -f - < scripts/seed.sql\n',
      'no-on-error-stop',
    ],
    [
      'function',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\nrun_sql() {\n  psql "$URL" -f "$1"\n}\nrun_sql scripts/seed.sql\n',
      'no-on-error-stop',
    ],
    [
      'function ok',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\nrun_sql() {\n  psql -v ON_ERROR_STOP=1 "$URL" -f "$1"\n}\nrun_sql scripts/seed.sql\n',
      '',
    ],
    [
      'for loop',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\nfor f in scripts/*seed*.sql; do\n  psql "$URL" -f "$f"\ndone\n',
      'no-on-error-stop',
    ],
    [
      'multi-line',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql \\\n  "$URL" \\\n  --file=scripts/seed.sql\n',
      'no-on-error-stop',
    ],
    [
      'multi-line ok',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql \\\n  --set ON_ERROR_STOP=on \\\n  "$URL" \\\n  --file=scripts/seed.sql\n',
      '',
    ],
    [
      'single-transaction no stop',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npsql -1 "$URL" -f scripts/seed.sql\n',
      'no-on-error-stop',
    ],
    ['mention only', 'shell', '#!/usr/bin/env bash\nset -euo pipefail\necho "now run psql -f scripts/seed.sql"\n', ''],
    ['comment', 'shell', '#!/usr/bin/env bash\nset -euo pipefail\n# psql -f scripts/seed.sql || true\n', ''],
    [
      'set -o pipefail separately',
      'shell',
      '#!/bin/bash\nset -e\nset -o pipefail\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql | tee log\n',
      '',
    ],
    ['make', 'make', 'seed:\n\tpsql $(URL) -f scripts/seed.sql\n', 'no-on-error-stop'],
    ['make ok', 'make', 'seed:\n\t@psql -v ON_ERROR_STOP=1 $(URL) -f scripts/seed.sql\n', ''],
    ['make ignore', 'make', 'seed:\n\t-psql -v ON_ERROR_STOP=1 $(URL) -f scripts/seed.sql\n', 'or-true'],
    [
      'package.json',
      'package',
      '{\n  "scripts": {\n    "seed": "psql $DATABASE_URL -f scripts/seed.sql",\n    "x": "y"\n  }\n}\n',
      'no-on-error-stop',
    ],
    [
      'package.json ok',
      'package',
      '{\n  "scripts": {\n    "seed": "psql -v ON_ERROR_STOP=1 $DATABASE_URL -f scripts/seed.sql"\n  }\n}\n',
      '',
    ],
    [
      'package.json or true',
      'package',
      '{\n  "scripts": {\n    "seed": "psql -v ON_ERROR_STOP=1 $DATABASE_URL -f scripts/seed.sql || true"\n  }\n}\n',
      'or-true',
    ],
    ['gh', 'ci', 'jobs:\n  a:\n    steps:\n      - run: psql "$URL" -f scripts/seed.sql\n', 'no-on-error-stop'],
    ['gh ok', 'ci', 'jobs:\n  a:\n    steps:\n      - run: psql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\n', ''],
    [
      'gh tee default shell',
      'ci',
      'jobs:\n  a:\n    steps:\n      - run: psql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql | tee log\n',
      'no-pipefail',
    ],
    [
      'gh tee bash',
      'ci',
      'jobs:\n  a:\n    steps:\n      - shell: bash\n        run: psql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql | tee log\n',
      '',
    ],
    [
      'gh step may fail',
      'ci',
      'jobs:\n  a:\n    steps:\n      - continue-on-error: true\n        run: psql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\n',
      'failure-accepted',
    ],
    [
      'gh step must not fail',
      'ci',
      'jobs:\n  a:\n    steps:\n      - continue-on-error: false\n        run: psql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\n',
      '',
    ],
    [
      'set +e around',
      'shell',
      '#!/bin/bash\nset +e\nrm -f old.log\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\nset -e\necho "Seed completed"\n',
      'success-regardless',
    ],
    ['dockerfile cmd', 'container', 'FROM postgres\nCMD psql "$URL" -f scripts/seed.sql\n', 'no-on-error-stop'],
    [
      'python run',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\npython scripts/run_seed.py scripts/seed.sql\n',
      '',
    ],
    [
      'chain seed',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\nnpx chain seed scripts/seed.sql --url "$URL"\n',
      '',
    ],
    ['semicolon true', 'shell', '#!/bin/bash\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql; true\n', 'or-true'],
    [
      'trap exit 0',
      'shell',
      '#!/bin/bash\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\nexit 0\n',
      'success-regardless',
    ],
    [
      'pgoptions',
      'shell',
      '#!/usr/bin/env bash\nset -euo pipefail\nPGOPTIONS=\'-c client_min_messages=warning\' psql -q "$URL" -f scripts/seed.sql\n',
      'no-on-error-stop',
    ],
  ])('%s', (_, kind, text, expected) => {
    const file = files[kind] as string;
    const runners = hides(file, kind, text);
    expect([...new Set(runners.flatMap((runner) => runner.hides.map(({ what }) => what)))].join(',')).toBe(expected);
    const rule = findRule('seed-runner-hides-errors');
    const found = [
      ...(rule?.check({
        seeds: { readings: [seed('scripts/seed.sql')], runners },
        policy: { allowedHeads: [], occasion: 'doctor' },
      }) ?? []),
    ];
    for (const finding of found) {
      if (!('remedy' in finding)) continue;
      const [action] = finding.remedy?.actions ?? [];
      if (action?.action !== 'edit-file') {
        // Only what a shell that nobody names cannot do is left to a person.
        expect(expected).toBe('no-pipefail');
        continue;
      }
      let patched = text;
      for (const edit of [...action.edits].sort((a, b) => b.from - a.from))
        patched = patched.slice(0, edit.from) + edit.text + patched.slice(edit.to);
      expect(hides(file, kind, patched).flatMap((runner) => runner.hides)).toEqual([]);
      if (kind === 'package') JSON.parse(patched);
      if (kind === 'ci') expect(parseYaml(patched).jobs.a.steps).toHaveLength(1);
    }
  });

  it('a job that may fail is told and left as it is; another step that may is nobody here', () => {
    const job = (more: string, other = '') =>
      `jobs:\n  a:\n${more}    steps:\n      - run: lint\n${other}      - run: psql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\n`;
    const accepts = (text: string) =>
      hides('.github/workflows/ci.yml', 'ci', text).flatMap((runner) =>
        runner.hides.map(({ what, line, accepts }) => [what, line, accepts]),
      );
    expect(accepts(job('    continue-on-error: true\n'))).toEqual([['failure-accepted', 3, null]]);
    expect(accepts(job('    continue-on-error: $' + '{{ matrix.odd }}\n'))).toEqual([]);
    expect(accepts(job('', '        continue-on-error: true\n'))).toEqual([]);
    expect(
      accepts('seed:\n  allow_failure: true\n  script:\n    - psql -v ON_ERROR_STOP=1 -f scripts/seed.sql\n'),
    ).toEqual([['failure-accepted', 2, null]]);
  });

  it('set +e hides what comes after', () => {
    const text = `${sh}set +e\npsql -v ON_ERROR_STOP=1 "$URL" -f scripts/seed.sql\nset -e\necho "Seed completed"\n`;
    expect(hides('run.sh', 'shell', text)[0]?.hides.map(({ what, line }) => [what, line])).toEqual([
      ['success-regardless', 6],
    ]);
  });
});
