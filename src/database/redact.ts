/**
 * Keeps passwords out of every text: of URLs in any spelling, of keyword strings, and the target's own password.
 * Refuses to know connections; works on text alone, so that it also serves for texts that failed to parse.
 */

import { withoutPasswords } from '../model/secrets.ts';

const mark = '***';

/** `text` without passwords; `password` is masked wherever it stands, however it is encoded. */
export function redact(text: string, password: string | null = null): string {
  // Among keywords a blank may stand on both sides of the sign, which in SQL is a comparison.
  let clean = withoutPasswords(text).replace(
    /([?&\s;,]|^)((?:ssl)?password|passwd|pwd)(\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&;'"]+)/gi,
    `$1$2$3${mark}`,
  );
  if (password !== null && isTelling(password)) {
    for (const form of new Set([password, encodeURIComponent(password)])) clean = clean.replaceAll(form, mark);
  }
  return clean;
}

/** Very short passwords would mask half of any sentence, and are given away by the masking itself. */
function isTelling(password: string): boolean {
  return password.length >= 4;
}
