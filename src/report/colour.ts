/**
 * Colour in a terminal, nothing in a pipe. Wraps text to a width by words.
 */
import type { Severity } from '../model/finding.ts';

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  severity(severity: Severity, text: string): string;
  added(text: string): string;
  removed(text: string): string;
}

const codes = { error: 31, warning: 33, info: 36 } as const;

export function paintFor(color: boolean): Paint {
  const wrap = (code: number) => (text: string) => (color && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    bold: wrap(1),
    dim: wrap(2),
    severity: (severity, text) => (color ? `\u001b[1;${codes[severity]}m${text}\u001b[0m` : text),
    added: wrap(32),
    removed: wrap(31),
  };
}

/** Lines of at most `width` characters, the first after `first`, the others after `rest`. A long word stays whole. */
export function wrapText(text: string, width: number, first: string, rest: string = first): string {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = rest + word;
    } else {
      line += isEmpty ? word : ` ${word}`;
    }
    isEmpty = false;
  }
  lines.push(line);
  return lines.join('\n');
}
