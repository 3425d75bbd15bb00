/**
 * Passwords in any text, found and covered: those of URLs, of keyword strings and assignments in whatever language, and of
 * SQL that sets one. Pure; works on text alone, so that it also serves for what is none of these after all, and in time that
 * grows with the text, since what it looks through may be anybody's.
 */

const mark = '***';

/** `text` with every password in it covered. */
export function withoutPasswords(text: string): string {
  return covering(text, passwordSpans(text));
}

/** `postgresql://user:***@host`: those of URLs alone. */
export function withoutUrlPasswords(text: string): string {
  return covering(text, urlSpans(text));
}

/** The passwords themselves, each once, in their order; none that is too short to be told from other words. */
export function passwordsIn(text: string): string[] {
  const found = passwordSpans(text).map(({ from, to }) => text.slice(from, to));
  return [...new Set(found)].filter((password) => password.length >= 4);
}

/** Whether SQL states a password as a literal: a name or a variable of that kind is none. Comments count as literals. */
export function statesPassword(sql: string): boolean {
  const spans = passwordSpans(sql);
  if (spans.length === 0) return false;
  const literals = [...sql.matchAll(literal)].flatMap(({ 0: text, index }) =>
    text.startsWith('"') ? [] : [{ from: index, to: index + text.length }],
  );
  return spans.some(({ from }) => sql[from - 1] === '$' || literals.some((one) => one.from < from && from < one.to));
}

/** Constants and comments, and quoted names, in which an apostrophe begins nothing. Within a dollar quote as outside. */
const literal = /--[^\n]*|\/\*[\s\S]*?\*\/|"[^"]*"|(?<!\w)[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'/g;

interface Span {
  from: number;
  to: number;
}

function covering(text: string, spans: readonly Span[]): string {
  if (spans.length === 0) return text;
  let clean = '';
  let at = 0;
  for (const { from, to } of spans) {
    clean += text.slice(at, from) + mark;
    at = to;
  }
  return clean + text.slice(at);
}

/** In their order, none within another. */
function passwordSpans(text: string): Span[] {
  const spans = [...urlSpans(text), ...assignedSpans(text)].sort((a, b) => a.from - b.from || b.to - a.to);
  const apart: Span[] = [];
  for (const span of spans) {
    const last = apart.at(-1);
    if (last === undefined || span.from >= last.to) apart.push({ ...span });
    else last.to = Math.max(last.to, span.to);
  }
  return apart;
}

/** Up to the last `@` before white space or a quote, as a raw `@` may be part of the password. */
function urlSpans(text: string): Span[] {
  const spans: Span[] = [];
  if (!text.includes('://')) return spans;
  for (const { 0: word, index } of text.matchAll(/\S+/g)) {
    if (!word.includes('@') || !word.includes('://')) continue;
    const beforePassword = /:\/\/[^/:@]*:/g;
    const quotes = /["']/g;
    while (beforePassword.exec(word) !== null) {
      const from = beforePassword.lastIndex;
      quotes.lastIndex = from;
      const quote = quotes.exec(word)?.index ?? word.length;
      const last = word.lastIndexOf('@', quote);
      // A quote may be part of a password too.
      const to = last >= from ? last : word.indexOf('@', from);
      if (to < 0) break;
      spans.push({ from: index + from, to: index + to });
      beforePassword.lastIndex = to;
    }
  }
  return spans;
}

/** A text in quotes, as SQL, shells, Python and JSON write it, in quotes of another text too; what is cut off ends the line. */
const quoted = [
  `''(?=[^'\\s])(?<twice>(?:[^'\\n]|'(?!')){1,2000})`,
  `'(?<single>(?:[^'\\\\\\n]|\\\\.|''){1,2000})`,
  `"(?<double>(?:[^"\\\\\\n]|\\\\.){1,2000})`,
  `\\\\+'(?<escaped>[^'\\\\\\n]{1,2000})`,
  `\\\\+"(?<escapedDouble>[^"\\\\\\n]{1,2000})`,
].join('|');
const dollarQuoted = `\\$(?<tag>\\w{0,63})\\$(?<dollar>(?:[^$]|\\$(?!\\k<tag>\\$)){1,2000})`;
const bare = `(?<bare>[^\\s&'"]{1,2000})`;
const assignments = [
  // A keyword string, a query, a flag, an argument: password=x, sslpassword='x', PGPASSWORD=x.
  new RegExp(`(?<![A-Za-z0-9_])(?:ssl|pg)?(?:password|passwd|pwd)(?:[ \\t]*=[ \\t]*(?:${quoted})|=${bare})`, 'gi'),
  // A variable of an environment, in a shell and in YAML.
  new RegExp(`(?<![A-Za-z0-9_])[A-Z0-9_]{0,60}PASS(?:WORD|WD)[ \\t]*(?:=|:[ \\t])[ \\t]*(?:${quoted}|${bare})`, 'g'),
  // A field of JSON, YAML or a dictionary.
  new RegExp(`["']\\w{0,60}(?:password|passwd)["'][ \\t]*:[ \\t]*(?:${quoted})`, 'gi'),
  // ALTER ROLE … PASSWORD 'x', OPTIONS (password 'x').
  new RegExp(`(?<![A-Za-z0-9_])password\\s{1,20}(?:E|U&)?(?:${quoted}|${dollarQuoted})`, 'gi'),
];

function assignedSpans(text: string): Span[] {
  const spans: Span[] = [];
  if (!/pass|pwd/i.test(text)) return spans;
  for (const pattern of assignments) {
    for (const match of text.matchAll(pattern)) {
      const { tag: _tag, ...groups } = match.groups as Record<string, string | undefined>;
      const found = Object.values(groups).find((value) => value !== undefined) ?? '';
      const isBare = groups.bare !== undefined;
      const value = isBare ? found.replace(/[;,)\]}]+$/, '') : found;
      // The value of a variable, which stands elsewhere.
      if (value === '' || /^\$[A-Za-z_{(]/.test(value)) continue;
      const from = match.index + match[0].length - found.length;
      spans.push({ from, to: from + value.length });
    }
  }
  return spans;
}
