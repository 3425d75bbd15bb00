/** Which project Alembic would find, held to Python's own ConfigParser where it is at hand. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ChainError } from '../../src/errors.ts';
import type { AlembicConfig } from '../../src/model/project.ts';
import { iniOption, parseIni } from '../../src/sources/alembic/config/ini.ts';
import { findAlembicConfig } from '../../src/sources/alembic/index.ts';
import { makeProject } from '../support/revision-files.ts';

function configOf(
  files: Record<string, string>,
  request: Partial<Parameters<typeof findAlembicConfig>[0]> = {},
  folders: string[] = [],
): AlembicConfig & { dir: string } {
  const project = makeProject({}, files);
  try {
    for (const folder of folders) mkdirSync(join(project.dir, folder), { recursive: true });
    const config = findAlembicConfig({
      projectDir: project.dir,
      config: null,
      section: 'alembic',
      scriptLocation: null,
      versionLocations: null,
      ...request,
    });
    return { ...config, dir: project.dir };
  } finally {
    project.remove();
  }
}

function errorOf(act: () => unknown): ChainError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ChainError);
    return error as ChainError;
  }
  throw new Error('nothing was thrown');
}

describe('the ini', () => {
  const texts = [
    '[alembic]\nscript_location = %(here)s/alembic\nsqlalchemy.url = postgresql://u:p%%40x@h/d\n',
    '[DEFAULT]\nbase = one\n[alembic]\nScript_Location: %(base)s/two\n# comment\n; comment\nempty =\n[other]\nscript_location=x\n',
    '[alembic]\nversion_locations =\n    a\n    # not this\n    b\n\n    c\nscript_location = s # not a comment\n  key = part of the value above\nlast = 1\n',
    '\ufeff[alembic]\r\nscript_location = a\r\nfile_template = %%(year)d_%%(rev)s\r\n',
    '[alembic]\na = %(b)s-%(c)s\nb = x%(c)s\nc = %%y\n\n\n[z]\n',
    '[ alembic ]\nx = 1\n[alembic]\nscript_location = spaced  \n\ty = no option\n',
  ];
  const hasPython = spawnSync('python3', ['--version']).status === 0;
  if (!hasPython && process.env.CI) throw new Error('No python3 on this CI machine');
  it.skipIf(!hasPython)('is read as ConfigParser reads it', () => {
    const program =
      'import configparser, json, sys\nout = []\nfor text in json.load(sys.stdin):\n p = configparser.ConfigParser({"here": "/h"})\n p.read_string(text.lstrip(chr(0xfeff)))\n out.append({s: dict(p.items(s)) for s in p.sections()})\njson.dump(out, sys.stdout)';
    const theirs = JSON.parse(
      execFileSync('python3', ['-c', program], { input: JSON.stringify(texts), encoding: 'utf8' }),
    ) as Record<string, Record<string, string>>[];
    texts.forEach((text, index) => {
      const file = parseIni(text);
      const given = new Map([['here', '/h']]);
      for (const [section, options] of Object.entries(theirs[index]!))
        for (const [name, value] of Object.entries(options))
          expect(iniOption(file, section, name, given), `${index} ${section} ${name}`).toBe(value);
      expect([...file.sections.keys()]).toEqual(Object.keys(theirs[index]!));
    });
  });

  it('gives folders relative to the project', () => {
    const config = configOf(
      { 'alembic.ini': '[alembic]\nscript_location = %(here)s/db/mig\nsqlalchemy.url = postgresql://a:b@h/d\n' },
      {},
      ['db/mig/versions'],
    );
    expect(config).toMatchObject({
      file: 'alembic.ini',
      scriptLocation: 'db/mig',
      versionLocations: ['db/mig/versions'],
      url: 'postgresql://a:b@h/d',
    });
  });

  it.each([
    ['os', 'a:b', ['a', 'b']],
    [':', 'a : b', ['a', 'b']],
    [';', 'a;b', ['a', 'b']],
    ['space', 'a b', ['a', 'b']],
    ['newline', '\n  a\n  b c', ['a', 'b c']],
    ['os  # Use os.pathsep. Default configuration used for new projects.', 'a:b', ['a', 'b']],
    [null, 'a, b c', ['a', 'b', 'c']],
  ])('splits version_locations by %s', (separator, written, expected) => {
    const line = separator === null ? '' : `version_path_separator = ${separator}\n`;
    expect(
      configOf({ 'alembic.ini': `[alembic]\nscript_location = alembic\n${line}version_locations = ${written}\n` })
        .versionLocations,
    ).toEqual(expected);
    const other = separator === null ? '' : `path_separator = ${separator}\n`;
    expect(
      configOf({ 'alembic.ini': `[alembic]\nscript_location = alembic\n${other}version_locations = ${written}\n` })
        .versionLocations,
    ).toEqual(expected);
  });

  it('takes a folder of the same name for another where only the one beside the ini is Alembic’s', () => {
    const files = {
      'app/alembic.ini': '[alembic]\nscript_location = migrations\n',
      'app/migrations/versions/x.py': '',
      'migrations/0001_step.sql': '',
    };
    const locationOf = (more: Record<string, string>) =>
      configOf({ ...files, ...more }, { config: 'app/alembic.ini' }).scriptLocation;
    expect(locationOf({})).toBe('app/migrations');
    expect(locationOf({ 'migrations/env.py': '' })).toBe('migrations');
  });

  it('takes a package form from where the package stands', () => {
    const config = configOf({
      'alembic.ini': '[alembic]\nscript_location = app.db:mig\n',
      'src/app/db/mig/env.py': '',
      'src/app/db/mig/versions/x.py': '',
    });
    expect(config).toMatchObject({ scriptLocation: 'src/app/db/mig', versionLocations: ['src/app/db/mig/versions'] });
  });

  it('takes no placeholder for a URL', () => {
    expect(
      configOf({
        'alembic.ini': '[alembic]\nscript_location = alembic\nsqlalchemy.url = driver://user:pass@localhost/dbname\n',
      }).url,
    ).toBeNull();
  });

  it('reads the section that is named, and says which there are', () => {
    const ini = '[one]\nscript_location = alembic\n[two]\nscript_location = other\n';
    expect(configOf({ 'alembic.ini': ini }, { section: 'one' }).scriptLocation).toBe('alembic');
    const error = errorOf(() => configOf({ 'alembic.ini': ini }));
    expect(error).toMatchObject({ code: 'no-project', hint: expect.stringContaining('[one], [two]') });
  });
});

describe('pyproject.toml', () => {
  it('fills what the ini leaves open', () => {
    const config = configOf({
      'alembic.ini': '[alembic]\nsqlalchemy.url = postgresql://h/d\n',
      'pyproject.toml':
        '[tool.alembic]\nscript_location = "%(here)s/alembic"\nversion_locations = ["alembic/versions", "%(here)s/more"]\nrecursive_version_locations = true\n',
    });
    expect(config).toMatchObject({
      file: 'alembic.ini',
      scriptLocation: 'alembic',
      versionLocations: ['alembic/versions', 'more'],
      recursive: true,
      url: 'postgresql://h/d',
    });
  });
});

describe('where no ini stands at the top', () => {
  it('takes the only one below, folders from the project first, then from beside it', () => {
    const project = makeProject();
    project.remove();
    project.write('backend/alembic.ini', '[alembic]\nscript_location = alembic\n');
    project.write('backend/alembic/env.py', '');
    const config = findAlembicConfig({
      projectDir: project.dir,
      config: null,
      section: 'alembic',
      scriptLocation: null,
      versionLocations: null,
    });
    expect(config).toMatchObject({ file: 'backend/alembic.ini', scriptLocation: 'backend/alembic' });
    expect(config.notes).toHaveLength(2);
    project.write('api/alembic.ini', '[alembic]\nscript_location = alembic\n');
    const error = errorOf(() =>
      findAlembicConfig({
        projectDir: project.dir,
        config: null,
        section: 'alembic',
        scriptLocation: null,
        versionLocations: null,
      }),
    );
    expect(error.message).toContain('api/alembic.ini, backend/alembic.ini');
    project.remove();
  });

  it('says what to do', () => {
    const project = makeProject();
    project.remove();
    project.write('app/mig/env.py', '');
    project.write('app/mig/versions/a.py', '');
    const request = {
      projectDir: project.dir,
      config: null,
      section: 'alembic',
      scriptLocation: null,
      versionLocations: null,
    };
    expect(errorOf(() => findAlembicConfig(request)).hint).toContain('app/mig looks like a folder of Alembic');
    expect(findAlembicConfig({ ...request, scriptLocation: 'app/mig' })).toMatchObject({
      file: null,
      versionLocations: ['app/mig/versions'],
    });
    expect(errorOf(() => findAlembicConfig({ ...request, config: 'no.ini' })).message).toContain(
      'no.ini does not exist',
    );
    expect(errorOf(() => findAlembicConfig({ ...request, projectDir: join(project.dir, 'nowhere') })).code).toBe(
      'no-project',
    );
    project.remove();
  });

  it("takes Flask-Migrate's ini, which names no folder or one of elsewhere", () => {
    for (const ini of [
      '[loggers]\nkeys = root\n',
      '[alembic]\n',
      '[alembic]\nscript_location = .\n',
      '[alembic]\nscript_location = /srv/gone\n',
    ]) {
      const config = configOf(
        { 'migrations/alembic.ini': ini, 'migrations/env.py': '' },
        { config: 'migrations/alembic.ini' },
        ['migrations/versions'],
      );
      expect(config).toMatchObject({ scriptLocation: 'migrations', versionLocations: ['migrations/versions'] });
      expect(config.notes?.join()).toContain('as Flask-Migrate does');
    }
  });

  it("takes PostgreSQL's own folder of several histories", () => {
    const config = configOf({ 'alembic/versions/postgresql/a.py': '', 'alembic/versions/sqlite/a.py': '' });
    expect(config.versionLocations).toEqual(['alembic/versions/postgresql']);
    expect(config.notes).toHaveLength(1);
  });
});
