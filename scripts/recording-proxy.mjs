// A proxy for all requests of a browser: it records each request outside of the browser, passes on those to one origin, and refuses all
// others.
import { createServer, request as httpRequest } from 'node:http';

/**
 * Starts the proxy for a page at `origin`. Give the browser
 * `--proxy-server=<proxy.server> --proxy-bypass-list=<-loopback>`, so that even 127.0.0.1 goes through it.
 */
export async function startRecordingProxy(origin) {
  const own = new URL(origin).origin;
  /** In order: `{ method, url, bodyBytes, isOwn }`. */
  const requests = [];
  const record = (method, url) => {
    const entry = { method, url, bodyBytes: 0, isOwn: originOf(url) === own };
    requests.push(entry);
    return entry;
  };
  const server = createServer((incoming, outgoing) => {
    const entry = record(incoming.method ?? '', incoming.url ?? '');
    incoming.on('data', (chunk) => {
      entry.bodyBytes += chunk.length;
    });
    if (entry.isOwn) passOn(incoming, outgoing);
    else outgoing.writeHead(403).end('Refused by the recording proxy.\n');
  });
  // A tunnel for https and, in some browsers, for WebSocket. The page's origin is plain http, so every tunnel goes to another origin.
  server.on('connect', (incoming, socket) => {
    record('CONNECT', `https://${incoming.url}`);
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  server.on('upgrade', (incoming, socket) => {
    record('UPGRADE', incoming.url ?? '').isOwn = false;
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    server: `http://127.0.0.1:${server.address().port}`,
    requests,
    foreign: () => requests.filter(({ isOwn }) => !isOwn),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Flags that make a browser send everything through the proxy. */
export function proxyFlags(proxy) {
  return [
    `--proxy-server=${proxy.server}`,
    '--proxy-bypass-list=<-loopback>',
    '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
    '--disable-quic',
    '--dns-prefetch-disable',
  ];
}

function passOn(incoming, outgoing) {
  const forwarded = httpRequest(incoming.url, { method: incoming.method, headers: incoming.headers }, (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  outgoing.on('close', () => forwarded.destroy());
  incoming.pipe(forwarded);
}

function originOf(url) {
  try {
    return new URL(url).origin;
  } catch {
    return null;
  }
}
