/**
 * Owns the PostgreSQL servers of a whole test run, started at the first request, so that tests without one pay nothing.
 * Workers ask over loopback HTTP; the servers end with the run.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { type EmbeddedServer, startEmbeddedServer, urlOf } from '../../src/database/index.ts';
import { binariesOfMajor } from './postgres-majors.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgresControl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const servers = new Map<string, Promise<EmbeddedServer>>();
  const start = (major: string): Promise<EmbeddedServer> => {
    const running =
      servers.get(major) ?? startEmbeddedServer({ tcp: true, isSmall: true, ...binariesOfMajor(Number(major)) });
    servers.set(major, running);
    return running;
  };
  const control = createServer((request, response) => {
    const major = new URL(request.url ?? '/', 'http://localhost').searchParams.get('major') ?? '18';
    start(major).then(
      (server) => response.end(JSON.stringify({ url: urlOf(server.target), socket: server.folder, pid: server.pid })),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve));
  project.provide('postgresControl', `http://127.0.0.1:${(control.address() as AddressInfo).port}`);
  return async () => {
    control.close();
    control.closeAllConnections();
    for (const server of servers.values()) await server.then((one) => one.stop()).catch(() => {});
  };
}
