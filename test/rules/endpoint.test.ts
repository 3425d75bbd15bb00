/** Endpoints are asked by `doctor` where the settings name them, and by nothing that stands before a deploy. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { copyFixture, type ProjectCopy } from '../support/fixture.ts';
import { run } from '../support/in-process.ts';

let server: Server;
let requests = 0;
let status = 200;
let project: ProjectCopy;

beforeEach(async () => {
  requests = 0;
  server = createServer((_request, response) => {
    requests++;
    response.writeHead(status).end('fine');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  project = copyFixture('endpoint-failing--no-answer');
  const { port } = server.address() as AddressInfo;
  const expectations = [{ name: 'health', kind: 'http', url: `http://127.0.0.1:${port}/health`, contains: 'fine' }];
  writeFileSync(project.path('chain.config.json'), JSON.stringify({ expectations }));
});

afterEach(() => {
  server.close();
  project.remove();
});

const flags = () => ({ project: project.dir, format: 'json' });

it('asks what the settings name', async () => {
  status = 500;
  const broken = await run('doctor', flags());
  expect(broken.report().findings.map(({ key }) => key)).toEqual(['endpoint-failing:health']);
  expect(broken.report().findings[0]?.message).toBe('health must answer 200 with "fine", and answered 500.');
  expect(broken.exitCode).toBe(1);
  status = 200;
  expect((await run('doctor', flags())).report().findings).toEqual([]);
  expect(requests).toBe(2);
});

it('asks nothing offline or from a gate, and says so', async () => {
  for (const [command, own] of [
    ['doctor', { offline: true }],
    ['gate', {}],
  ] as const) {
    const { notChecked } = (await run(command, { ...flags(), ...own })).report();
    expect(notChecked.find(({ rule }) => rule === 'endpoint-failing')?.reason).toContain('no request was made');
  }
  expect(requests).toBe(0);
});
