/**
 * Positions in a text: PostgreSQL counts UTF-8 bytes (in trees) or characters (in errors), JavaScript UTF-16 units.
 */

const isAscii = (text: string): boolean => !/[\u0080-\uffff]/.test(text);

/** Turns byte offsets of the UTF-8 text into offsets of the string. Memory: one table a non-ASCII text. */
export function byteOffsets(text: string): (byte: number) => number {
  if (isAscii(text)) return (byte) => Math.min(byte, text.length);
  const offsets = new Uint32Array(Buffer.byteLength(text, 'utf8') + 1);
  let byte = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.codePointAt(at) as number;
    const units = code > 0xffff ? 2 : 1;
    const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (let i = 0; i < bytes; i++) offsets[byte + i] = at;
    byte += bytes;
    at += units;
  }
  offsets[byte] = text.length;
  return (wanted) => offsets[Math.min(wanted, byte)] as number;
}

/** Offset of the string for a count of characters (code points). */
export function characterOffset(text: string, characters: number): number {
  if (isAscii(text)) return Math.min(characters, text.length);
  let at = 0;
  for (let i = 0; i < characters && at < text.length; i++) at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
  return at;
}

/** Line of an offset, from 1; asks in any order cost a binary search. */
export function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
