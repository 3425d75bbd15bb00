/**
 * A script that runs a seed succeeds whatever the seed did. One finding a script, with every line that hides something.
 */
import type { Evidence } from '../model/finding.ts';
import type { TextEdit } from '../model/remedy.ts';
import { withoutPasswords } from '../model/secrets.ts';
import type { SeedRunner } from '../model/seed.ts';
import { advice, defineRule, patch } from './rule.ts';

type Hiding = SeedRunner['hides'][number];

const words: Record<Hiding['what'], string> = {
  'no-on-error-stop': 'psql without ON_ERROR_STOP goes on after a failed statement and exits 0',
  'no-pipefail': 'a pipe without pipefail has the exit code of its last command',
  'or-true': 'the exit code is thrown away',
  'stderr-dropped': 'the error message is thrown away, so that "cannot look" reads as "nothing there"',
  'success-regardless': 'success is printed whatever happened',
  'failure-accepted': 'the pipeline is told to go on when it fails',
  'failure-ignored': 'what comes after its failure goes on as if nothing had happened',
};

export default defineRule({
  id: 'seed-runner-hides-errors',
  title: 'the script that runs a seed hides its errors',
  severity: 'error',
  needs: ['seeds'],
  docs: {
    problem:
      'The script runs psql without ON_ERROR_STOP, pipes it without pipefail, or drops its exit code or messages; or the pipeline around it accepts the failure.',
    consequence: 'A seed that failed half-way is reported as a success, in deployments and in CI.',
    repair: 'Run psql with `-v ON_ERROR_STOP=1`, set pipefail, and let the exit code through.',
  },
  *check({ seeds }) {
    for (const runner of seeds.runners) {
      const first = [...runner.hides].sort((a, b) => a.line - b.line)[0];
      if (first === undefined) continue;
      const evidence: Evidence[] = runner.hides.map((hiding) => ({
        origin: 'seed',
        text: `${words[hiding.what]}: ${withoutPasswords(hiding.text).trim().slice(0, 120)}`,
        file: runner.file,
        line: hiding.line,
      }));
      const kinds = [...new Set(runner.hides.map((hiding) => hiding.what))];
      const edits = editsFor(runner);
      const summary = `Let ${runner.file} fail when its seed fails: ${kinds.map((kind) => ways[kind]).join(', ')}`;
      yield {
        subject: { kind: 'file', name: runner.file, file: runner.file, line: first.line },
        severity: kinds.every((kind) => mild.has(kind)) ? 'warning' : 'error',
        message: `${runner.file} hides the errors of the seed it runs (${kinds.map((kind) => short[kind]).join(', ')}); a seed that failed is reported as a success.`,
        evidence,
        remedy:
          edits.length > 0
            ? patch(summary, [{ action: 'edit-file', file: runner.file, edits }])
            : advice(summary, 'file-edit'),
      };
    }
  },
});

/** The failure itself is still seen, or was told to be let go in so many words. */
const mild: ReadonlySet<Hiding['what']> = new Set([
  'stderr-dropped',
  'success-regardless',
  'failure-accepted',
  'failure-ignored',
]);

const short: Record<Hiding['what'], string> = {
  'no-on-error-stop': 'psql without ON_ERROR_STOP',
  'no-pipefail': 'a pipe without pipefail',
  'or-true': '|| true',
  'stderr-dropped': '2>/dev/null',
  'success-regardless': 'success printed regardless',
  'failure-accepted': 'a failure that the pipeline accepts',
  'failure-ignored': 'a branch of its failure that goes on',
};

const ways: Record<Hiding['what'], string> = {
  'no-on-error-stop': 'add -v ON_ERROR_STOP=1',
  'no-pipefail': 'set -o pipefail',
  'or-true': 'drop || true',
  'stderr-dropped': 'drop 2>/dev/null',
  'success-regardless': 'set -e',
  'failure-accepted': 'let the pipeline stop',
  'failure-ignored': 'exit 1 in the branch of the failure',
};

/** After the word psql of the command, or of the variable that stands for it. */
function placeOfPsql(text: string, span: { from: number; to: number }): number | null {
  const command = text.slice(span.from, span.to);
  const own = /\bpsql\b/.exec(command);
  if (own) return span.from + own.index + 4;
  for (const [, name] of command.matchAll(/\$\{?([A-Za-z_]\w*)/g)) {
    const set = new RegExp(`^[ \\t]*(?:export\\s+|local\\s+|readonly\\s+)?${name}=[^\\n]*?\\bpsql\\b`, 'm').exec(text);
    if (set) return set.index + set[0].length;
  }
  return null;
}

/** In the branch that runs when the condition at the place fails; null where it is not laid out line by line. */
function exitInBranch(text: string, { from, to }: { from: number; to: number }): TextEdit | null {
  const start = text.lastIndexOf('\n', from) + 1;
  const indent = text.slice(start, from);
  if (!/^[ \t]*$/.test(indent)) return null;
  const isNegated = /^(?:el)?if\s+(?:!|.*\s(?:-ne|!=|-gt)\s)/.test(text.slice(from, to));
  const ends = new RegExp(`^${indent}(else|elif|fi)\\b`, 'gm');
  ends.lastIndex = to;
  const unit = /\n([ \t]+)/.exec(text.slice(to))?.[1]?.slice(indent.length) || '  ';
  let hasElse = false;
  for (let end = ends.exec(text); end; end = ends.exec(text)) {
    if (end[1] === 'elif') return null;
    const exit = `${indent}${unit}exit 1\n`;
    if (isNegated || (end[1] === 'fi' && hasElse)) return { from: end.index, to: end.index, text: exit };
    if (end[1] === 'fi') return { from: end.index, to: end.index, text: `${indent}else\n${exit}` };
    hasElse = true;
  }
  return null;
}

function editsFor(runner: SeedRunner): TextEdit[] {
  const edits: TextEdit[] = [];
  const isPlainShell = /^#!\s*(\/usr)?\/bin\/(env\s+)?sh\b/.test(runner.text);
  const put = (edit: TextEdit) => {
    if (
      !edits.some((other) => edit.from < other.to && other.from < edit.to) &&
      !edits.some((other) => other.from === edit.from && other.text === edit.text)
    )
      edits.push(edit);
  };
  for (const { what, span, run, accepts } of runner.hides) {
    const text = runner.text.slice(span.from, span.to);
    if (what === 'failure-accepted' && accepts) put({ ...accepts, text: 'false' });
    else if (what === 'failure-ignored') {
      const edit = exitInBranch(runner.text, span);
      if (edit !== null) put(edit);
    } else if (
      what === 'success-regardless' &&
      run &&
      (/^\s*set\s+\+e/m.test(runner.text) || runner.text.slice(run.from, run.to).includes('&&'))
    )
      // Whoever wrote `set +e` wants the rest of the script to go on; left of `&&` no `set -e` sees a failure.
      put({ from: run.to, to: run.to, text: ' || exit 1' });
    else if (what === 'no-on-error-stop') {
      const off = /(?<=\bON_ERROR_STOP=)(?:0|off|false|no)\b/i.exec(text);
      const at = placeOfPsql(runner.text, span);
      if (off) put({ from: span.from + off.index, to: span.from + off.index + off[0].length, text: '1' });
      else if (at !== null) put({ from: at, to: at, text: ' -v ON_ERROR_STOP=1' });
    } else if (what === 'or-true') {
      const drop =
        /\s*(?:\|\||;)\s*(?:true|:|exit\s+0)(?=\s|\)|;|"|$)/.exec(text) ??
        /^(?<=^)-(?=\S)/.exec(text.replace(/^[@+]*/, '')) ??
        // Of `$(psql … || echo 0)` the brackets stay.
        /\s*\|\|\s*(?:echo|printf)\s+[^\s()|;&]+(?=\s*\))/.exec(text);
      const message = /\|\|\s*((?:echo|printf|log\w*|warn)\b[^|;&"']*(?:"[^"\\]*"|'[^']*')?[^|;&"']*)$/.exec(text);
      if (drop) {
        const from = span.from + text.indexOf(drop[0]);
        put({ from, to: from + drop[0].length, text: '' });
      } else if (message) {
        const from = span.from + message.index;
        put({ from, to: span.to, text: `|| { ${(message[1] as string).trim()}; exit 1; }` });
      }
    } else if (what === 'stderr-dropped') {
      const drop = /\s*(2>|&>)\s*\/dev\/null/.exec(text);
      if (drop && drop[1] === '2>')
        put({ from: span.from + drop.index, to: span.from + drop.index + drop[0].length, text: '' });
    }
  }
  const kinds = new Set(runner.hides.map((hiding) => hiding.what));
  const isScript = !/\.(?:json|ya?ml|toml|mk|cmd)$|(?:^|\/)(?:GNUm|[Mm])akefile$|file(?:\.\w+)?$/.test(runner.file);
  if (!isScript) {
    // A line of its own would break the file; a step of GitHub's is a script, and its shell knows the option.
    for (const { what, span } of runner.hides) {
      const step = /^\s*(?:-\s+)?(?:run:\s*)?/.exec(runner.text.slice(span.from, span.to))?.[0] ?? '';
      if (what === 'no-pipefail' && /^\.github\//.test(runner.file) && runner.text[span.from + step.length] !== '|')
        put({ from: span.from + step.length, to: span.from + step.length, text: 'set -o pipefail; ' });
    }
  } else if (
    (kinds.has('no-pipefail') || kinds.has('success-regardless')) &&
    !isPlainShell &&
    !/^\s*set\s+\+e/m.test(runner.text)
  ) {
    const standing = /^set[ \t]+-e[ \t]*$/m.exec(runner.text);
    if (standing) put({ from: standing.index, to: standing.index + standing[0].length, text: 'set -eo pipefail' });
    else if (!/^set\s+-\w*e\w*.*pipefail/m.test(runner.text)) {
      const afterShebang = runner.text.startsWith('#!') ? runner.text.indexOf('\n') + 1 : 0;
      put({ from: afterShebang, to: afterShebang, text: 'set -eo pipefail\n' });
    }
  }
  return edits.sort((a, b) => a.from - b.from);
}
