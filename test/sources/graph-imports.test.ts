/** Headers that take their labels and ids from constants of the project's own modules. */
import { afterEach, describe, expect, it } from 'vitest';
import type { RevisionGraph } from '../../src/model/revision-graph.ts';
import { type MadeProject, makeProject, readGraph, revisionText } from '../support/revision-files.ts';

let project: MadeProject;
afterEach(() => project.remove());

function graphOf(versions: Record<string, string>, files: Record<string, string>): RevisionGraph {
  project = makeProject(versions, files);
  return readGraph(project.dir);
}

const header = (imports: string, labels: string): string =>
  `${imports}\nrevision = 'b'\ndown_revision = 'a'\nbranch_labels = ${labels}\ndepends_on = None\n`;

describe('constants of another module', () => {
  const files = {
    'shop/__init__.py': '',
    'shop/branches.py':
      'import logging\nLOG = logging.getLogger(__name__)\nLIVE = "live"\nfrom shop.names import PAST\nOPEN = make()\n',
    'shop/names.py': "PAST = 'past'\n",
  };

  it.each([
    ['a module of a package', header('from shop import branches', '(branches.LIVE,)'), ['live']],
    ['a name of a module', header('from shop.branches import LIVE as label', 'label'), ['live']],
    ['a module under another name', header('import shop.branches as br', '[br.LIVE]'), ['live']],
    ['a module by its whole path', header('import shop.branches', '(shop.branches.LIVE, "x")'), ['live', 'x']],
    ['a name that the module imports itself', header('from shop import branches', '(branches.PAST,)'), ['past']],
  ])('are read: %s', (_name, text, labels) => {
    const graph = graphOf({ 'a.py': revisionText('a', null), 'b.py': text }, files);
    expect(graph.faults).toEqual([]);
    expect(graph.revisions.get('b')?.branchLabels).toEqual(labels);
    expect(graph.heads).toEqual(['b']);
  });

  it.each([
    ['what the module computes', header('from shop import branches', '(branches.OPEN,)')],
    ['what is installed', header('from elsewhere import branches', '(branches.LIVE,)')],
    ['a name bound again', header('from shop.branches import LIVE\nLIVE = ask()', 'LIVE')],
  ])('are not guessed: %s', (_name, text) => {
    const graph = graphOf({ 'a.py': revisionText('a', null), 'b.py': text }, files);
    expect(graph.faults).toMatchObject([{ rule: 'unreadable-revision', revisions: ['b'], needsRunning: true }]);
  });
});
