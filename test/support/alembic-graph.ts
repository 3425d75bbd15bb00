/**
 * What a real Alembic makes of folders of revision files: heads, bases and the rest, or the error it dies of. One Python
 * process for all folders. Its files are read by name, as later versions of Alembic do by themselves.
 */
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { findAlembic } from './alembic.ts';

export type AlembicGraph =
  | { error: string }
  | {
      error: null;
      heads: string[];
      realHeads: string[];
      bases: string[];
      branchPoints: string[];
      mergePoints: string[];
      revisions: Record<string, { down: string[]; dependsOn: string[]; labels: string[]; doc: string }>;
    };

const program = `
import sys
sys.path[:] = [p for p in sys.path if p]
sys.dont_write_bytecode = True
import json, os, warnings
warnings.simplefilter('ignore')
from alembic.script import ScriptDirectory, base
from alembic import util
listed = base.Script._list_py_dir
base.Script._list_py_dir = classmethod(lambda cls, directory, path: sorted(listed.__func__(cls, directory, path)))
def texts(value):
    return [] if value is None else [str(item) for item in util.to_tuple(value)]
answers = []
for folder in json.load(sys.stdin):
    try:
        directory = ScriptDirectory(folder)
        the_map = directory.revision_map
        the_map._revision_map
        scripts = {id(s): s for key, s in the_map._revision_map.items() if s is not None}.values()
        answers.append({
            'error': None,
            'heads': sorted(set(the_map.heads)), 'realHeads': sorted(set(the_map._real_heads)), 'bases': sorted(set(the_map.bases)),
            'branchPoints': sorted({s.revision for s in scripts if s.is_branch_point}),
            'mergePoints': sorted({s.revision for s in scripts if s.is_merge_point}),
            'revisions': {s.revision: {'down': texts(s.down_revision), 'dependsOn': texts(s.dependencies),
                                       'labels': sorted(s._orig_branch_labels), 'doc': s.doc.split(chr(10))[0]} for s in scripts},
        })
    except BaseException as error:
        answers.append({'error': type(error).__name__ + ': ' + str(error)})
json.dump(answers, sys.stdout)
`;

/** `folders`: script locations, each with a folder \`versions\`. */
export function alembicGraphs(folders: readonly string[]): AlembicGraph[] {
  const python = findAlembic()?.python;
  if (python === undefined) throw new Error('no Alembic here: ask requireInterop() first');
  const output = execFileSync(python, ['-c', program], {
    input: JSON.stringify(folders),
    cwd: tmpdir(),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  return JSON.parse(output) as AlembicGraph[];
}
