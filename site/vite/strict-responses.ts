// A vite plugin: the security headers on every response of the servers, and as files for static hosts in the build.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { HttpServer, Plugin } from 'vite';
import { developmentHeaders, securityHeaders } from './security-headers.ts';

/** @param headers what the development server sends; preview and static hosts are always strict. */
export function strictResponses(headers = developmentHeaders): Plugin {
  return {
    name: 'persona-plug:strict-responses',
    configureServer: ({ httpServer }) => guard(httpServer, headers),
    configurePreviewServer: ({ httpServer }) => guard(httpServer, securityHeaders),
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: '_headers', source: headersFile() });
    },
  };
}

/** Ahead of every middleware, so that refusals (403, 404, 405) carry the headers too. */
function guard(server: HttpServer | null, headers: Readonly<Record<string, string>>): void {
  const http = server as Server | null;
  http?.prependListener('request', (_request: IncomingMessage, response: ServerResponse) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  });
}

/** The `_headers` file of Netlify and Cloudflare Pages. */
function headersFile(): string {
  const lines = Object.entries(securityHeaders).map(([name, value]) => `  ${name}: ${value}`);
  return [
    '/*',
    ...lines,
    '/assets/*',
    '  Cache-Control: public, max-age=31536000, immutable',
    '/models/*/resolve/*',
    '  Cache-Control: public, max-age=31536000, immutable',
    '/models/index.json',
    '  Cache-Control: no-cache',
    '',
  ].join('\n');
}
