/** Passwords of URLs in texts of any kind, and texts that are too long to be looked through twice. */
import { describe, expect, it } from 'vitest';
import { withoutUrlPasswords } from '../../src/model/secrets.ts';

describe('withoutUrlPasswords', () => {
  it.each([
    [
      'a token of kilobytes',
      `postgresql+psycopg2://me:${'x'.repeat(20_000)}@host/db`,
      'postgresql+psycopg2://me:***@host/db',
    ],
    ['a raw @', 'at postgres://me:p@ss@host/db now', 'at postgres://me:***@host/db now'],
    ['a raw quote', `postgres://me:it's@host/db`, 'postgres://me:***@host/db'],
    ['a long name before it', `x://${'u'.repeat(2_000)}:secret@h`, `x://${'u'.repeat(2_000)}:***@h`],
    ['quoted ones side by side', `{"a":"x://u:one@h","b":"y://v:two@i"}`, `{"a":"x://u:***@h","b":"y://v:***@i"}`],
    ['no user', 'redis://:secret@h', 'redis://:***@h'],
  ])('covers %s', (_, text, clean) => {
    expect(withoutUrlPasswords(text)).toBe(clean);
  });

  it.each(['postgres://host:5432/db', 'mail me@host', 'http://host/a:b', 'x://u:p and y@z', ''])(
    'leaves %j',
    (text) => {
      expect(withoutUrlPasswords(text)).toBe(text);
    },
  );

  it.each([
    ['letters', 'a'.repeat(3_000_000)],
    ['beginnings of URLs', 'a://b:'.repeat(300_000)],
    ['beginnings of URLs in quotes', `@${"a://b:'".repeat(300_000)}`],
  ])('gets through megabytes of %s', (_, text) => {
    expect(withoutUrlPasswords(text)).toBe(text);
  });

  it('gets through megabytes of URLs', () => {
    expect(withoutUrlPasswords(`a://b:c'@`.repeat(300_000))).toBe('a://b:***@'.repeat(300_000));
  });
});
