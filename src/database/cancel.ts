/**
 * Asks a server to end what a session of ours is running, on a connection beside it as the protocol wants (manual
 * "Canceling Requests in Progress"): a server that only loses its client finishes its statement first. A pooler hands
 * the request on. Encrypted where the session is, since what stands before some servers takes nothing else.
 */
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

export interface CancelRequest {
  /** Where the session went: an address, or the folder of a socket. */
  host: string;
  port: number;
  /** Null: the session is not encrypted. */
  tls: ConnectionOptions | null;
  processId: number;
  secretKey: number;
}

const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const cancelCode = 80_877_102;

/** Over when the server has closed the connection, or the patience is. Never throws: there is nobody left to tell. */
export async function requestCancel(request: CancelRequest, patienceMs: number): Promise<void> {
  const { host, port, tls } = request;
  const path = host.startsWith('/') ? `${host}/.s.PGSQL.${port}` : null;
  const plain: Socket = path === null ? connectSocket(port, host) : connectSocket(path);
  const sockets: Socket[] = [plain];
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, patienceMs);
    const over = () => {
      clearTimeout(timer);
      resolve();
    };
    const follow = (socket: Socket) => socket.on('error', over).on('close', over);
    const send = (socket: Socket) => {
      // The server's close is its answer, and its end of the stream is read only where somebody reads.
      socket.resume();
      socket.write(messageOf(request));
    };
    follow(plain).once('connect', () => {
      if (tls === null) return send(plain);
      plain.write(sslRequest);
      plain.once('data', (answer) => {
        if (answer.toString('latin1') !== 'S') return over();
        const name = isIP(host) === 0 ? host : undefined;
        const encrypted = connectTls({ socket: plain, host, servername: name, ...tls }, () => send(encrypted));
        sockets.push(encrypted);
        follow(encrypted);
      });
    });
  });
  for (const socket of sockets) socket.destroy();
}

function messageOf({ processId, secretKey }: CancelRequest): Buffer {
  const message = Buffer.alloc(16);
  message.writeInt32BE(16, 0);
  message.writeInt32BE(cancelCode, 4);
  message.writeInt32BE(processId, 8);
  message.writeInt32BE(secretKey, 12);
  return message;
}
