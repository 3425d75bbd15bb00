/**
 * A TCP relay before a real server, which holds one message of a client back until the test lets it go: something can so
 * happen to the server at a known moment of a session. Knows no protocol but what a chunk of bytes holds as text.
 */
import { type AddressInfo, createServer, connect as openSocket, type Socket } from 'node:net';
import { type DatabaseTarget, retarget, urlOf } from '../../src/database/index.ts';

export interface Relay {
  target: DatabaseTarget;
  url: string;
  /** Resolves when the message is held. */
  held: Promise<void>;
  /** Chunks of clients so far. */
  count(): number;
  release(): void;
  /** Ends every connection with a reset, as a crash or a firewall does. */
  cut(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `holds`: whether this chunk is the one, by its text and its number from 1. */
export async function relayTo(
  server: DatabaseTarget,
  holds: (text: string, nth: number) => boolean = () => false,
): Promise<Relay> {
  const sockets = new Set<Socket>();
  let count = 0;
  let isHolding = false;
  let tellHeld = () => {};
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    tellHeld = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const relay = createServer((client) => {
    const upstream = openSocket({ host: server.host, port: server.port });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.on('end', () => other.end());
    }
    upstream.on('data', (chunk) => client.write(chunk));
    client.on('data', async (chunk) => {
      count++;
      if (!isHolding && holds(chunk.toString('latin1'), count)) {
        isHolding = true;
        client.pause();
        tellHeld();
        await released;
        client.resume();
      }
      upstream.write(chunk);
    });
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const { port } = relay.address() as AddressInfo;
  const target = retarget({ ...server, host: '127.0.0.1', port, hosts: [{ host: '127.0.0.1', port }] }, {});
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    target,
    url: urlOf(target),
    held,
    count: () => count,
    release,
    cut,
    async [Symbol.asyncDispose]() {
      release();
      cut();
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}
