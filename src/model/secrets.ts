/**
 * Passwords of URLs in any text, covered. Pure; works on text alone, so that it also serves for what is no URL after all,
 * and in time that grows with the text, since what it looks through may be anybody's.
 */

/** `postgresql://user:***@host`: up to the last `@` before white space or a quote, as a raw `@` may be part of the password. */
export function withoutUrlPasswords(text: string): string {
  return text.replace(/\S+/g, (word) => (word.includes('@') && word.includes('://') ? covered(word) : word));
}

function covered(word: string): string {
  const beforePassword = /:\/\/[^/:@]*:/g;
  const quotes = /["']/g;
  let clean = '';
  let from = 0;
  while (beforePassword.exec(word) !== null) {
    const start = beforePassword.lastIndex;
    quotes.lastIndex = start;
    const quote = quotes.exec(word)?.index ?? word.length;
    const last = word.lastIndexOf('@', quote);
    // A quote may be part of a password too.
    const end = last >= start ? last : word.indexOf('@', start);
    if (end < 0) break;
    clean += `${word.slice(from, start)}***`;
    from = end;
    beforePassword.lastIndex = end;
  }
  return clean + word.slice(from);
}
