/** What is said of a text before it is shown to anybody: no password, and no text too long to be looked through. */
import { describe, expect, it } from 'vitest';
import { withoutPasswords } from '../../src/report/plain.ts';

describe('withoutPasswords', () => {
  it('covers the secret of a URL and of a keyword', () => {
    const token = 'x'.repeat(2_000);
    expect(withoutPasswords(`at postgresql+psycopg2://me:${token}@host/db?password=s3cret&x=1`)).toBe(
      'at postgresql+psycopg2://me:***@host/db?password=***&x=1',
    );
  });

  it('gets through megabytes without an end of a word', () => {
    const letters = 'a'.repeat(3_000_000);
    expect(withoutPasswords(letters)).toBe(letters);
    const slashes = 'a://b:'.repeat(50_000);
    expect(withoutPasswords(slashes)).toBe(slashes);
  });
});
