/**
 * A shell script as commands with their places: continued lines joined, comments, and bodies of here-documents apart,
 * variables with the value they were given last. Reads plainly written scripts; refuses to run or fully parse them.
 */

export interface ShellCommand {
  /** Line of its first word, from 1. */
  line: number;
  /** Offsets in the text, without the line's end. */
  span: { from: number; to: number };
  /** As written, continued lines joined by a blank, comments cut off. */
  text: string;
  /** Variables put in where the script itself sets them. */
  expanded: string;
  /** The body of its here-document, '' without one. */
  hereDocument: string;
}

/** `sh -c '…` whose quote is not closed. */
const opensScript = /\b(?:ba|da|z|k|a)?sh\s+(?:-\w+\s+)*-\w*c\w*\s+(["'])(?:(?!\1)[\s\S])*$/;

/** `text` is the whole file; Makefiles and YAML give their lines too, with what stands before a command left in. */
export function shellCommands(text: string): ShellCommand[] {
  const commands: ShellCommand[] = [];
  const variables = new Map<string, string>();
  const lines = linesOf(text);
  for (let index = 0; index < lines.length; index++) {
    const first = lines[index] as Line;
    let joined = cutComment(first.text);
    let to = first.from + first.text.trimEnd().length;
    while (/\\\s*$/.test(joined) && index + 1 < lines.length) {
      const next = lines[++index] as Line;
      joined = `${joined.replace(/\\\s*$/, '')} ${cutComment(next.text).trim()}`;
      to = next.from + next.text.trimEnd().length;
    }
    // A pipe or a list goes on in the next line.
    while (/(?:\||&&)\s*$/.test(joined) && index + 1 < lines.length) {
      const next = lines[++index] as Line;
      joined = `${joined.trimEnd()} ${cutComment(next.text)
        .replace(/\\\s*$/, '')
        .trim()}`;
      to = next.from + next.text.trimEnd().length;
    }
    // A script in quotes goes on until they close.
    while (opensScript.test(joined) && index + 1 < lines.length) {
      const next = lines[++index] as Line;
      joined = `${joined}\n${next.text}`;
      to = next.from + next.text.trimEnd().length;
    }
    // A list in brackets goes on to its end.
    while (/(?:^|\s)[A-Za-z_]\w*\+?=\([^()]*$/.test(joined) && index + 1 < lines.length) {
      const next = lines[++index] as Line;
      joined = `${joined.trimEnd()} ${cutComment(next.text).trim()}`;
      to = next.from + next.text.trimEnd().length;
    }
    let hereDocument = '';
    const mark = /<<-?\s*(["']?)([A-Za-z_]\w*)\1/.exec(joined);
    if (mark !== null && !joined.includes('<<<')) {
      const body: string[] = [];
      while (index + 1 < lines.length && (lines[index + 1] as Line).text.trim() !== mark[2])
        body.push((lines[++index] as Line).text);
      index++;
      hereDocument = body.join('\n');
    }
    const written = joined.trim();
    if (written === '') continue;
    const expanded = expand(written, variables);
    const from = first.from + (first.text.length - first.text.trimStart().length);
    // A loop's variable stands for what it goes over.
    const loop = /^for\s+([A-Za-z_]\w*)\s+in\s+([^;]*)/.exec(expanded);
    if (loop) variables.set(loop[1] as string, (loop[2] as string).trim());
    commands.push({ line: first.number, span: { from, to }, text: written, expanded, hereDocument });
    for (const assignment of written.matchAll(
      /(?:^|[\s;])(?:export\s+|local\s+|readonly\s+|declare\s+(?:-\w+\s+)?)?([A-Za-z_]\w*)([?+]?:?)=("[^"]*"|'[^']*'|\([^()]*\)|[^\s;&|]*)/g,
    )) {
      const [, name = '', sign, value = ''] = assignment;
      const given = expand(value.replace(/^(["'])(.*)\1$/s, '$2').replace(/^\((.*)\)$/s, '$1'), variables);
      variables.set(name, sign === '+' ? `${variables.get(name) ?? ''} ${given}` : given);
    }
  }
  return commands;
}

interface Line {
  number: number;
  from: number;
  text: string;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let from = 0;
  for (const [index, line] of text.split('\n').entries()) {
    lines.push({ number: index + 1, from, text: line.replace(/\r$/, '') });
    from += line.length + 1;
  }
  return lines;
}

/** What stands before a `#` that starts a comment; a `#` in quotes or in a word stays. */
function cutComment(line: string): string {
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (quote !== '') {
      if (character === '\\' && quote === '"') at++;
      else if (character === quote) quote = '';
    } else if (character === '\\') at++;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '#' && (at === 0 || /\s/.test(line.charAt(at - 1)))) return line.slice(0, at);
  }
  return line;
}

function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(
    /\$\{([A-Za-z_]\w*)(?:\[[@*]\]|:?[-=]([^}]*))?\}|\$\(([A-Za-z_]\w*)\)|\$([A-Za-z_]\w*)/g,
    (whole, braced, fallback, made, bare) => variables.get(braced ?? made ?? bare) ?? fallback ?? whole,
  );
}
