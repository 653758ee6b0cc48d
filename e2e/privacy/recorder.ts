// Records requests outside of the browser: a server of another origin that a leak would reach, and a proxy that sees every request.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server of another origin. It allows everything, so that only the policy of the page can stop a request. */
export class OtherOrigin {
  readonly #server: Server;
  /** What arrived, as `METHOD /path`. */
  readonly requests: string[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<OtherOrigin> {
    const server = createServer((request, response) => {
      other.requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
      response.setHeader('Content-Type', 'text/javascript');
      response.end('export default 1;');
    });
    const other = new OtherOrigin(server);
    server.on('upgrade', (request, socket) => {
      other.requests.push(`UPGRADE ${request.url ?? ''}`);
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return other;
  }

  get host(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `127.0.0.1:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
