/** `http` expectations against a loopback server: what answers otherwise is not met, what does not answer could not be asked. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkExpectations } from '../../src/seeds/index.ts';

let server: Server;
let origin = '';
beforeAll(async () => {
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/hangs') return;
    if (pathname === '/moved') response.writeHead(302, { location: '/ok' });
    else if (pathname === '/fails') response.writeHead(500);
    else if (pathname === '/echo')
      response.writeHead(request.headers['x-key'] === 'k' && request.method === 'POST' ? 201 : 400);
    response.end(pathname === '/ok' ? 'all good' : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

it.each<[what: string, stated: Record<string, unknown>, isMet: boolean | null, message: RegExp]>([
  ['200', { url: '/ok' }, true, /^x: 200$/],
  ['200 with the text', { url: '/ok', contains: 'good' }, true, /^x: 200$/],
  ['200 without the text', { url: '/ok', contains: 'bad' }, false, /expected 200 with "bad", found 200 without it/],
  ['500', { url: '/fails' }, false, /expected 200, found 500/],
  ['500 that is wanted', { url: '/fails', status: [500, 503] }, true, /^x: 500$/],
  ['a redirect is an answer of its own', { url: '/moved' }, false, /expected 200, found 302/],
  [
    'method, headers, body',
    { url: '/echo', method: 'POST', headers: { 'x-key': 'k' }, body: { a: 1 }, status: 201 },
    true,
    /201/,
  ],
  ['no answer in time', { url: '/hangs' }, null, /^x could not be asked: .*(?:timeout|aborted)/i],
])('%s', async (_, stated, isMet, message) => {
  const expectation = { name: 'x', kind: 'http', ...stated, url: origin + String(stated.url) };
  const [result] = await checkExpectations(null, [expectation], { timeoutMs: 300 });
  expect(result?.isMet).toBe(isMet);
  expect(result?.message).toMatch(message);
});

it('says why where nothing listens, and where TLS meets none', async () => {
  const refused = createServer();
  await new Promise<void>((resolve) => refused.listen(0, '127.0.0.1', resolve));
  const { port } = refused.address() as AddressInfo;
  await new Promise((resolve) => refused.close(resolve));
  const asked = (url: string) => checkExpectations(null, [{ name: 'x', kind: 'http', url }], { timeoutMs: 1000 });
  const [nobody] = await asked(`http://127.0.0.1:${port}/`);
  expect([nobody?.isMet, nobody?.message]).toEqual([
    null,
    expect.stringMatching(/^x could not be asked: .*ECONNREFUSED/),
  ]);
  const [tls] = await asked(origin.replace('http:', 'https:'));
  expect([tls?.isMet, tls?.message]).toEqual([
    null,
    expect.stringMatching(/^x could not be asked: .*(?:SSL|EPROTO|TLS)/i),
  ]);
});
