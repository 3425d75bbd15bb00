/**
 * Who runs Alembic around the chain, and what becomes of its failure: each script is also run by a real shell, with an
 * `alembic` that fails.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMigrators } from '../../src/history/index.ts';
import type { SurroundingFile } from '../../src/model/project.ts';

const kindOf = (file: string): SurroundingFile['kind'] =>
  /Dockerfile|compose|k8s/.test(file)
    ? 'container'
    : /\.github|gitlab/.test(file)
      ? 'ci'
      : file === 'Makefile'
        ? 'make'
        : 'shell';
const read = (file: string, text: string) => readMigrators([{ file, kind: kindOf(file), text }]);

/** Script → what becomes of the upgrade's failure. */
const scripts: [kind: 'told' | 'ignored' | 'stamped', script: string][] = [
  ['told', 'set -e\nalembic upgrade head\nexec gunicorn app'],
  ['told', '#!/bin/bash\nset -euo pipefail\npoetry run alembic -c alembic.ini upgrade head\ngunicorn app'],
  ['told', 'set -o errexit\nalembic upgrade head\ngunicorn app'],
  ['told', '#!/bin/sh -e\nset -e\nalembic upgrade head; gunicorn app'],
  ['told', 'alembic upgrade head'],
  ['told', 'alembic upgrade head && gunicorn app'],
  ['told', 'alembic upgrade head || exit 1\ngunicorn app'],
  ['told', 'alembic upgrade head || { echo failed; exit 1; }\ngunicorn app'],
  ['told', 'alembic upgrade head || (echo failed; exit 2) || exit 1\ngunicorn app'],
  ['told', 'if ! alembic upgrade head; then\n  echo failed\n  exit 1\nfi\ngunicorn app'],
  ['told', 'if alembic upgrade head; then\n  echo fine\nelse\n  echo failed\n  exit 1\nfi\ngunicorn app'],
  ['told', 'set -eo pipefail\nalembic upgrade head | tee log\ngunicorn app'],
  ['told', 'set -e\nalembic upgrade head > log 2>&1\ngunicorn app'],
  ['ignored', 'set -e\nenv -S "alembic upgrade head" || true\ngunicorn app'],
  ['told', 'set -e\nsh -c "alembic upgrade head"\ngunicorn app'],
  ['told', 'alembic upgrade head\nif [ $? -ne 0 ]; then\n  exit 1\nfi\ngunicorn app'],
  ['told', 'alembic upgrade head \\\n  && gunicorn app'],
  ['ignored', 'alembic upgrade head || true\ngunicorn app'],
  ['ignored', 'set -e\nalembic upgrade head || echo "already up to date"\ngunicorn app'],
  ['ignored', 'alembic upgrade head\ngunicorn app'],
  ['ignored', 'alembic upgrade head; gunicorn app'],
  ['ignored', 'set -e\nalembic upgrade head && echo done\ngunicorn app'],
  ['ignored', 'set -e\nalembic upgrade head | tee log\ngunicorn app'],
  ['ignored', 'set -e\nset +e\nalembic upgrade head\ngunicorn app'],
  ['ignored', 'set -e\nif ! alembic upgrade head; then\n  echo "failed, going on"\nfi\ngunicorn app'],
  ['ignored', 'set -e\nif alembic upgrade head; then\n  echo fine\nfi\ngunicorn app'],
  ['ignored', 'sh -c "alembic upgrade head; gunicorn app"'],
  ['ignored', "set -e\nbash -c 'alembic upgrade head || true'\ngunicorn app"],
  ['ignored', 'set -e\ntimeout 30 alembic upgrade head || echo "took too long"\ngunicorn app'],
  ['ignored', 'set -e\nalembic upgrade head &\ngunicorn app'],
  ['told', 'case up in\n  up)\n    alembic upgrade head\n    ;;\n  *)\n    gunicorn app\n    ;;\nesac'],
  ['told', 'case up in\n  up) alembic upgrade head ;;\n  *) gunicorn app ;;\nesac'],
  ['ignored', 'case up in\n  up) alembic upgrade head ;;\n  *) echo no ;;\nesac\ngunicorn app'],
  ['ignored', 'case up in\n  up)\n    alembic upgrade head\n    gunicorn app\n    ;;\n  *) true ;;\nesac'],
  ['told', 'if true; then\n  alembic upgrade head\nelse\n  gunicorn app\nfi'],
  [
    'told',
    'if true; then\n  alembic upgrade head\nelif false; then\n  if true; then\n    gunicorn app\n  fi\nelse\n  gunicorn app\nfi',
  ],
  ['ignored', 'if true; then\n  alembic upgrade head\nelse\n  true\nfi\ngunicorn app'],
  ['stamped', 'alembic upgrade head || alembic stamp head\ngunicorn app'],
  ['stamped', 'if ! alembic upgrade head; then\n  alembic stamp head\nfi\ngunicorn app'],
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chain-shell-'));
  const programs = {
    alembic: '#!/bin/sh\ncase "$*" in *stamp*) echo STAMPED;; *) exit 1;; esac\n',
    gunicorn: '#!/bin/sh\necho STARTED\n',
    poetry: '#!/bin/sh\nshift\nexec "$@"\n',
  };
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runIt = (script: string) =>
  spawnSync('bash', ['-c', script], {
    cwd: folder,
    env: { PATH: `${folder}:${process.env.PATH}` },
    encoding: 'utf8',
  });

describe.skipIf(process.platform === 'win32')('a shell script', () => {
  it.each(scripts)('%s: %j', async (kind, script) => {
    const found = (await read('scripts/entrypoint.sh', script)).filter(({ act }) => act === 'upgrade');
    expect(found.map(({ failure }) => failure.kind)).toEqual([kind]);
    const failure = found[0]?.failure;
    if (failure !== undefined && failure.kind !== 'told' && failure.mend !== undefined) {
      const { from, to, text } = failure.mend;
      const mended = `${script.slice(0, from)}${text}${script.slice(to)}`;
      const again = (await read('scripts/entrypoint.sh', mended)).filter(({ act }) => act === 'upgrade');
      expect(
        again.map((one) => one.failure.kind),
        mended,
      ).toEqual(['told']);
      expect(runIt(mended).stdout).not.toMatch(/STARTED|STAMPED/);
    }
    const { status, stdout } = runIt(script);
    const wentOn = stdout.includes('STARTED') || status === 0;
    expect({ wentOn, stamped: stdout.includes('STAMPED') }).toEqual({
      wentOn: kind !== 'told',
      stamped: kind === 'stamped',
    });
  });

  it('takes no message for a run', async () => {
    const script =
      'echo "run alembic upgrade head first"\n# alembic upgrade head || true\nset -e\nprintf "alembic upgrade head\\n"';
    expect(await read('help.sh', script)).toEqual([]);
  });

  it('says nothing of what a function leaves to its caller', async () => {
    const [one] = await read(
      'entrypoint.sh',
      'migrate() {\n  alembic upgrade head\n  echo asked\n}\nmigrate || exit 1\ngunicorn app',
    );
    expect(one?.failure.kind).toBe('told');
  });
});

describe('other files', () => {
  const failureOf = async (file: string, text: string) => {
    const [one] = await read(file, text);
    return one === undefined ? null : [one.line, one.occasion, one.failure.kind, one.replicas];
  };

  it('Dockerfile, in both forms', async () => {
    expect(await failureOf('Dockerfile', 'FROM x\nCMD ["sh", "-c", "alembic upgrade head; gunicorn app"]\n')).toEqual([
      2,
      'start-up',
      'ignored',
      null,
    ]);
    expect(await failureOf('Dockerfile', 'FROM x\nCMD alembic upgrade head && gunicorn app\n')).toEqual([
      2,
      'start-up',
      'told',
      null,
    ]);
  });

  it('compose: the service of the upgrade has the replicas', async () => {
    const text = (replicas: number) =>
      `services:\n  db:\n    image: postgres\n    deploy:\n      replicas: 5\n  app:\n    image: x\n    command: sh -c "alembic upgrade head && gunicorn app"\n    deploy:\n      replicas: ${replicas}\n`;
    expect(await failureOf('compose.yml', text(3))).toEqual([8, 'start-up', 'told', 3]);
    expect(await failureOf('compose.yml', text(1))).toEqual([8, 'start-up', 'told', 1]);
  });

  it.each(['-c', '-cx', '-xc'])('a script after `sh %s` is read as one of its own', async (flags) => {
    const script = (rest: string) =>
      `services:\n  app:\n    command:\n      - sh\n      - ${flags}\n      - |\n        alembic upgrade head ${rest}\n        gunicorn app\n`;
    expect((await failureOf('compose.yml', script('&&')))?.[2]).toBe('told');
    expect((await failureOf('compose.yml', script('||\n        true;')))?.[2]).toBe('ignored');
  });

  it('Kubernetes: a deployment starts many, a job one', async () => {
    const text = (kind: string) =>
      `kind: ${kind}\nspec:\n  replicas: 4\n  template:\n    spec:\n      containers:\n        - name: app\n          command: ["sh", "-c"]\n          args:\n            - |\n              alembic upgrade head\n              exec gunicorn app\n`;
    expect(await failureOf('k8s/app.yaml', text('Deployment'))).toEqual([11, 'start-up', 'ignored', 4]);
    expect((await failureOf('k8s/app.yaml', text('Job')))?.[1]).toBe('pipeline');
  });

  it('GitHub Actions: a step runs under `bash -e`, without pipefail unless it names bash', async () => {
    const text = (run: string, more = '') =>
      `jobs:\n  test:\n    steps:\n      - name: migrate\n${more}        run: |\n          ${run}\n          pytest\n`;
    expect((await failureOf('.github/workflows/ci.yml', text('alembic upgrade head')))?.slice(0, 3)).toEqual([
      6,
      'pipeline',
      'told',
    ]);
    expect((await failureOf('.github/workflows/ci.yml', text('alembic check | tee out')))?.[2]).toBe('ignored');
    expect(
      (await failureOf('.github/workflows/ci.yml', text('alembic check | tee out', '        shell: bash\n')))?.[2],
    ).toBe('told');
    expect(
      (await failureOf('.github/workflows/ci.yml', text('alembic check', '        continue-on-error: true\n')))?.[2],
    ).toBe('ignored');
  });

  it('GitLab: allow_failure', async () => {
    const text = (more: string) => `drift:\n  script:\n    - alembic upgrade head\n    - alembic check\n${more}`;
    const kinds = async (more: string) => (await read('.gitlab-ci.yml', text(more))).map(({ failure }) => failure.kind);
    expect(await kinds('')).toEqual(['told', 'told']);
    expect(await kinds('  allow_failure: true\n')).toEqual(['ignored', 'ignored']);
  });

  it('Makefile: each line a shell of its own, `-` goes on', async () => {
    expect((await failureOf('Makefile', 'up:\n\talembic upgrade head\n\techo done\n'))?.[2]).toBe('told');
    expect((await failureOf('Makefile', 'up:\n\t-alembic upgrade head\n\techo done\n'))?.[2]).toBe('ignored');
  });

  it('leaves templates and broken YAML alone', async () => {
    expect(await read('k8s/app.yaml', 'a: {{ .Values.x }}\n  command: alembic upgrade head || true\n')).toEqual([]);
  });
});
