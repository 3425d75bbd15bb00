/**
 * Declared labels that the live enum type lacks.
 */
import { addEnumValue } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'enum-value-missing',
  title: 'a declared enum value is not in the database',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live enum type lacks labels that the revisions declare.',
    consequence: 'Writing such a value fails with "invalid input value for enum".',
    repair: 'ALTER TYPE … ADD VALUE, in a transaction of its own.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'enum', 'altered')) {
      const { declared, live: found } = difference;
      if (declared === null || found === null) continue;
      const missing = declared.labels.filter((label) => !found.labels.includes(label));
      if (missing.length === 0) continue;
      yield tell(difference, {
        message: `The enum ${difference.key} lacks ${missing.join(', ')}; writing ${missing.length === 1 ? 'it' : 'them'} fails.`,
        remedy: declareStep(
          `Add ${missing.join(', ')} to the enum ${difference.key}`,
          missing.map((label) => addEnumValue(declared, label)),
        ),
      });
    }
  },
});
