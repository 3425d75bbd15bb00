/**
 * An endpoint that the settings name does not answer as it must: tells a real failure from a false alarm after a repair.
 */
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'endpoint-failing',
  title: 'an endpoint does not answer as it must',
  severity: 'error',
  needs: ['endpoints'],
  docs: {
    problem: 'An expectation of the kind `http` in the settings was asked, and the answer is not the one it names.',
    consequence: 'What the users see is broken, whatever the schema says.',
    repair:
      'Repair what else the report shows, then ask again. An endpoint that still fails has a cause outside of the chain: look at its log, and restart what keeps old connections.',
  },
  *check({ endpoints }) {
    for (const { name, url, isMet, expected, actual, message } of endpoints) {
      if (isMet === true) continue;
      if (isMet === null) {
        yield { notChecked: message };
        continue;
      }
      yield {
        subject: { kind: 'endpoint', name },
        message: `${name} must answer ${expected}, and answered ${actual}.`,
        evidence: [{ origin: 'config', text: `expectation "${name}": ${withoutSecrets(url)}` }],
        remedy: advice(
          `Ask it once the rest is repaired, and look at its log if it still fails: ${withoutSecrets(url)}`,
        ),
      };
    }
  },
});

/** Credentials and queries of a URL are nobody's business in a report. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@\s]*@/, '//').replace(/\?.*$/s, '?…');
}
