/**
 * A declared extension is not installed.
 */
import { createExtension } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'extension-missing',
  title: 'a declared extension is not in the database',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The revisions create an extension that the database does not have.',
    consequence: 'Its types, functions and operators are absent, and what uses them fails.',
    repair: 'CREATE EXTENSION, which may need a role with more rights.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'extension', 'missing')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      yield tell(difference, {
        message: `The extension ${wanted.name} is declared and not in the database; its types and functions are absent.`,
        remedy: declareStep(
          `Create the extension: CREATE EXTENSION IF NOT EXISTS ${wanted.name}`,
          [createExtension(wanted)],
          'additive',
        ),
      });
    }
  },
});
