/**
 * The text of a Python file as Python would decode it: BOM, encoding cookie (PEP 263), strict UTF-8.
 */
import { isAscii, isUtf8 } from 'node:buffer';

/** `isAsWritten`: UTF-8 without a mark, whose text is what anybody else reads of the file. */
export type DecodedText = { text: string; isAsWritten: boolean } | { reason: string };

const cookie = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/;

export function decodePython(bytes: Buffer): DecodedText {
  if (isAscii(bytes) && !mentionsCoding(bytes)) return { text: bytes.toString('latin1'), isAsWritten: true };
  const hasMark = bytes.length > 2 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const declared = declaredEncoding(bytes, hasMark ? 3 : 0);
  const encoding = declared === null ? 'utf-8' : declared.toLowerCase().replaceAll('_', '-');
  if (/^utf-?8(?:-|$)/.test(encoding)) {
    if (!isUtf8(bytes)) return { reason: 'not UTF-8, and no encoding is declared' };
    return { text: bytes.toString('utf8', hasMark ? 3 : 0), isAsWritten: !hasMark };
  }
  if (hasMark) return { reason: `encoding problem: ${declared} with a UTF-8 byte order mark` };
  if (/^(?:latin-?1|iso-?8859-?1|ascii|us-ascii)$/.test(encoding)) {
    if (encoding.endsWith('ascii') && !isAscii(bytes)) return { reason: `not ${declared}, which the file declares` };
    return { text: bytes.toString('latin1'), isAsWritten: false };
  }
  try {
    return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes), isAsWritten: false };
  } catch (error) {
    return {
      reason:
        error instanceof RangeError
          ? `the encoding ${declared} is not known here`
          : `not ${declared}, which the file declares`,
    };
  }
}

function mentionsCoding(bytes: Buffer): boolean {
  const at = bytes.indexOf('coding');
  return at >= 0 && at < 400;
}

function declaredEncoding(bytes: Buffer, from: number): string | null {
  const lines = bytes.toString('latin1', from, Math.min(bytes.length, from + 800)).split(/\r\n|\n|\r/, 2);
  const first = cookie.exec(lines[0] ?? '');
  if (first !== null) return first[1] as string;
  if (!/^[ \t\f]*(?:#.*)?$/.test(lines[0] ?? '')) return null;
  return cookie.exec(lines[1] ?? '')?.[1] ?? null;
}
