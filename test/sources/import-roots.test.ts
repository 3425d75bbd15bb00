/** Where Python finds a project's own modules: configuration, env.py, packaging. */
import { afterEach, expect, it } from 'vitest';
import { importRoots } from '../../src/sources/alembic/env/import-roots.ts';
import { findAlembicConfig } from '../../src/sources/alembic/index.ts';
import { openProjectFiles } from '../../src/sources/alembic/project-files.ts';
import { type MadeProject, makeProject } from '../support/revision-files.ts';

let project: MadeProject;
afterEach(() => project.remove());

/** The folders beyond those that every project has: its top and `src`. */
function rootsOf(files: Record<string, string>): string[] {
  const folders = ['lib/.keep', 'back/app/.keep', 'packages/one/src/.keep', 'packages/two/.keep', 'shared/.keep'];
  project = makeProject({}, { ...Object.fromEntries(folders.map((file) => [file, ''])), ...files });
  const config = findAlembicConfig({
    projectDir: project.dir,
    config: null,
    section: 'alembic',
    scriptLocation: null,
    versionLocations: null,
  });
  return importRoots(project.dir, config).filter((path) => path !== '.' && path !== 'src');
}

const env: [string, string, string[]][] = [
  ['a text', `import sys\nsys.path.append('lib')\n`, ['lib']],
  [
    'paths counted from the file',
    `import os, sys\nhere = os.path.dirname(os.path.abspath(__file__))\nsys.path.insert(0, os.path.join(here, '..', 'back'))\n`,
    ['back'],
  ],
  [
    'pathlib and a condition',
    `import sys\nfrom pathlib import Path\nroot = Path(__file__).resolve().parents[1]\nif str(root / 'lib') not in sys.path:\n    sys.path.insert(0, str(root / 'lib'))\n`,
    ['lib'],
  ],
  ['several', `import sys\nfor_all = ['lib', 'back']\nsys.path.extend(for_all)\n`, ['lib', 'back']],
  ['the working folder', `import os, sys\nsys.path.append(os.path.join(os.getcwd(), 'shared'))\n`, ['shared']],
  ['what is not known', `import os, sys\nsys.path.append(os.environ['APP'])\nsys.path.append('lib')\n`, ['lib']],
  ['what lies outside', `import sys\nsys.path.append('../..')\n`, []],
];
for (const [name, text, roots] of env)
  it(`env.py puts on sys.path: ${name}`, () => {
    expect(rootsOf({ 'alembic/env.py': text })).toEqual(roots);
  });

const packaging: [string, Record<string, string>, string[]][] = [
  [
    'prepend_sys_path',
    { 'alembic.ini': '[alembic]\nscript_location = alembic\nprepend_sys_path = lib:back\n' },
    ['lib', 'back'],
  ],
  ['setuptools', { 'pyproject.toml': '[tool.setuptools.packages.find]\nwhere = ["lib"]\n' }, ['lib']],
  [
    'setuptools, package-dir',
    { 'pyproject.toml': '[tool.setuptools.package-dir]\n"" = "lib"\n"app" = "back/app"\n' },
    ['lib', 'back'],
  ],
  ['Poetry', { 'pyproject.toml': '[tool.poetry]\npackages = [{ include = "app", from = "back" }]\n' }, ['back']],
  ['Hatch', { 'pyproject.toml': '[tool.hatch.build.targets.wheel]\npackages = ["back/app"]\n' }, ['back']],
  ['PDM', { 'pyproject.toml': '[tool.pdm.build]\npackage-dir = "lib"\n' }, ['lib']],
  ['pytest', { 'pyproject.toml': '[tool.pytest.ini_options]\npythonpath = "back"\n' }, ['back']],
  [
    'members of a workspace',
    { 'pyproject.toml': '[tool.uv.workspace]\nmembers = ["packages/*"]\n' },
    ['packages/one/src', 'packages/one', 'packages/two'],
  ],
  [
    'a member with packaging of its own',
    {
      'pyproject.toml': '[tool.poetry.dependencies]\nshared = { path = "./shared" }\n',
      'shared/setup.py': `setup(package_dir={'': 'py'})\n`,
      'shared/py/.keep': '',
    },
    ['shared/py', 'shared'],
  ],
  [
    'setup.cfg',
    { 'setup.cfg': '[options]\npackage_dir =\n    = lib\npackages = find:\n[options.packages.find]\nwhere = back\n' },
    ['lib', 'back'],
  ],
  ['setup.py', { 'setup.py': `setup(packages=find_packages(where='lib'))\n` }, ['lib']],
  ['requirements', { 'requirements.txt': 'alembic\n-e ./shared\n' }, ['shared']],
  ['what is no TOML', { 'pyproject.toml': '[tool\n' }, []],
  [
    'folders outside',
    { 'pyproject.toml': '[tool.setuptools.packages.find]\nwhere = [".."]\n[tool.uv.sources]\nx = { path = "../x" }\n' },
    [],
  ],
];
for (const [name, files, roots] of packaging)
  it(`packaging: ${name}`, () => {
    expect(rootsOf(files)).toEqual(roots);
  });

it('takes a folder without __init__.py for a package only where no other stands', () => {
  project = makeProject(
    {},
    { 'app/notes.txt': '', 'back/app/__init__.py': '', 'back/app/models.py': 'X = 1\n', 'app/seeds/one.py': '' },
  );
  const roots = [project.dir, `${project.dir}/back`];
  const files = openProjectFiles(project.dir, roots, 1e6, () => () => ({ isThere: true, condition: null }));
  expect(files.findModule('app', null)?.file).toBe(`${project.dir}/back/app/__init__.py`);
  expect(files.findModule('app.models', null)?.text).toBe('X = 1\n');
  expect(files.findModule('app.seeds', null)?.file).toBe(`${project.dir}/app/seeds/__init__.py`);
});
