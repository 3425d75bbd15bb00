/**
 * A statement sent as psql sends it: by the simple protocol, values as text, COPY data streamed. pg itself answers
 * COPY … FROM STDIN with a refusal; here the query object answers it. Refuses to know what the statement is.
 */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Client } from 'pg';
import type { ScriptResult } from './connection.ts';

/** What pg's query object is given when the server asks for COPY data (pg/lib/client.js). */
interface WireConnection {
  stream: Duplex;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
}

/** The same for statements sent together: none waits for the answer to the one before it. */
interface PipelineConnection {
  stream: Duplex;
  parse(statement: { text: string }): void;
  bind(values: object): void;
  execute(portal: object): void;
  sync(): void;
}

interface ArrayResult {
  fields: { name: string }[];
  rows: (string | null)[][];
  rowCount: number | null;
}

const chunkBytes = 65_536;

export async function sendScript(
  client: Client,
  sql: string,
  copyData: Uint8Array | null,
  timeoutMs: number,
): Promise<ScriptResult> {
  const { default: pg } = await import('pg');
  const raw = { getTypeParser: () => (value: string) => value };
  return new Promise((resolve, reject) => {
    let isOver = false;
    const done = (error: Error | null | undefined, result: ArrayResult | ArrayResult[]): void => {
      isOver = true;
      if (error) {
        reject(error);
        return;
      }
      const last = Array.isArray(result) ? (result.at(-1) as ArrayResult) : result;
      const columns = (last.fields ?? []).map(({ name }) => name);
      resolve({ columns, rows: last.rows ?? [], rowCount: last.rowCount ?? 0 });
    };
    const query = new pg.Query({ text: sql, rowMode: 'array', types: raw } as never, done as never);
    const answers = query as unknown as {
      query_timeout?: number;
      handleCopyInResponse(connection: WireConnection): void;
    };
    if (timeoutMs > 0) answers.query_timeout = timeoutMs;
    answers.handleCopyInResponse = (connection) => {
      if (copyData === null) connection.sendCopyFail('there are no lines of data after it');
      else send(connection, copyData, () => isOver).catch(() => connection.stream.destroy());
    };
    client.query(query as never);
  });
}

/**
 * Statements in order with one Sync after the last (manual 55.2.4, pipelining): after a refusal the server skips the rest.
 * `onRan` is told of each that was carried out; their rows are not kept. Rejects with the refusal.
 */
export function sendTogether(
  client: Client,
  statements: readonly string[],
  timeoutMs: number,
  onRan: (rowCount: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const end = (error: Error | null): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(silence);
      if (error) reject(error);
      else resolve();
    };
    // As of a single statement: how long the server may keep silent.
    const silence = timeoutMs > 0 ? setTimeout(() => end(new Error('Query read timeout')), timeoutMs) : undefined;
    const ran = (rowCount: number): void => {
      if (isOver) return;
      silence?.refresh();
      onRan(rowCount);
    };
    const query = {
      submit(wire: PipelineConnection): null {
        wire.stream.cork();
        for (const text of statements) {
          wire.parse({ text });
          wire.bind({});
          wire.execute({});
        }
        wire.sync();
        wire.stream.uncork();
        return null;
      },
      handleRowDescription: () => {},
      handleDataRow: () => {},
      handleEmptyQuery: () => ran(0),
      // `INSERT 0 5`
      handleCommandComplete: ({ text }: { text: string }) => ran(Number(/\d+$/.exec(text)?.[0] ?? 0)),
      handleReadyForQuery: () => end(null),
      handleError: end,
    };
    client.query(query as never);
  });
}

/** Or closed. */
async function drained(stream: Duplex): Promise<void> {
  const waiting = new AbortController();
  const { signal } = waiting;
  // The one that does not come must not go on listening.
  await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]);
  waiting.abort();
}

/** After the server's refusal or the connection's end nothing more is sent. */
async function send(connection: WireConnection, data: Uint8Array, isOver: () => boolean): Promise<void> {
  for (let from = 0; from < data.length && !isOver(); from += chunkBytes) {
    connection.sendCopyFromChunk(data.subarray(from, from + chunkBytes));
    if (!connection.stream.writableNeedDrain) continue;
    await drained(connection.stream);
    if (connection.stream.destroyed) return;
  }
  if (!isOver()) connection.endCopyFrom();
}
