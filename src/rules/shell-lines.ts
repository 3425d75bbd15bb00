/**
 * Lines of a shell script, Dockerfile or pipeline with continuations joined and comments left out, each with its number.
 */
export function* commandsOf(text: string): Generator<{ text: string; line: number }> {
  const lines = text.split(/\r?\n/);
  for (let index = 0; index < lines.length; index++) {
    const line = index + 1;
    let whole = lines[index] as string;
    if (/^\s*#/.test(whole)) continue;
    while (/\\\s*$/.test(whole) && index + 1 < lines.length) {
      index++;
      whole = `${whole.replace(/\\\s*$/, ' ')}${(lines[index] as string).trim()}`;
    }
    const trimmed = whole.trim();
    if (trimmed !== '') yield { text: trimmed, line };
  }
}
