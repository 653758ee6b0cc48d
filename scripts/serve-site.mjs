// Serves the built site for the browser tests: `node scripts/serve-site.mjs --port 5181`.
import { parseArgs } from 'node:util';
import { buildSite, serveSite } from './site.mjs';

const { values } = parseArgs({ options: { port: { type: 'string', default: '5181' } } });
await buildSite();
const server = await serveSite(Number(values.port));
process.stderr.write(`Serving ${server.url}\n`);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    void server.close().finally(() => process.exit(0));
  });
}
