/**
 * What running a seed asks of a connection: one session, one transaction. Refuses to know how it was made.
 */
import type { Notice, ScriptResult } from '../database/index.ts';

export interface SeedSession {
  query<Row = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number }>;
  /** One statement as psql sends it; `copyData` answers COPY … FROM STDIN. */
  script(sql: string, copyData?: Uint8Array): Promise<ScriptResult>;
  /** Several whose answers nobody needs; `onRan` is told of each that is done, and what is refused is the one after them. */
  scripts(statements: readonly string[], onRan: (rowCount: number) => void): Promise<void>;
  transaction<T>(body: () => Promise<T>): Promise<T>;
  onNotice?(listener: (notice: Notice) => void): () => void;
}

/** What a server says of a refused statement; all null for any other fault. */
export interface Refusal {
  sqlState: string | null;
  message: string;
  detail: string | null;
  hint: string | null;
  /** From 1, in characters, in the statement as sent. */
  position: number | null;
  /** `PL/pgSQL function inline_code_block line 5 at SQL statement` */
  where: string | null;
}

export function refusalOf(error: unknown): Refusal {
  const fields = (error ?? {}) as Record<string, unknown>;
  const text = (name: string): string | null => (typeof fields[name] === 'string' ? (fields[name] as string) : null);
  return {
    sqlState: text('sqlState'),
    message: text('serverMessage') ?? (error instanceof Error ? error.message : String(error)),
    detail: text('detail'),
    hint: text('serverHint'),
    position: typeof fields.position === 'number' ? fields.position : null,
    where: text('where'),
  };
}
