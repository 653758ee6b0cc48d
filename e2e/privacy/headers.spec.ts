// The strict policy on every response: pages, scripts of page and worker, wasm, models, refusals.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type APIRequestContext, expect, test } from '@playwright/test';
import { securityHeaders } from '../../site/vite/security-headers.ts';
import { site } from '../site/demo-browser.ts';

const built = fileURLToPath(new URL('../../dist-site/', import.meta.url));

test('the policy is the one that the documentation describes', () => {
  expect(securityHeaders['Content-Security-Policy']).toBe(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; " +
      "img-src 'self' data:; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
});

async function addresses(request: APIRequestContext): Promise<string[]> {
  const page = await (await request.get(site)).text();
  const assets = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, address]) => address ?? '');
  const files = (await readdir(path.join(built, 'assets'))).map((file) => `/assets/${file}`);
  const index: { packages: Record<string, { path: string }> } = await (
    await request.get(`${site}models/index.json`)
  ).json();
  const nano = index.packages['nano-llm']?.path ?? '';
  return [
    '/',
    ...assets,
    ...files,
    '/samples/news-desk.jsonl',
    '/models/index.json',
    `/models/${nano}manifest.json`,
    `/models/${nano}model.wasm`,
    `/models/${nano}params_shard_0.bin`,
  ];
}

function expectStrict(address: string, headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(securityHeaders)) {
    expect(headers[name.toLowerCase()], `${name} of ${address}`).toBe(value);
  }
}

test('every kind of response carries every header', async ({ request }) => {
  const found = await addresses(request);
  expect(found.some((address) => /persona\.worker.*\.js$/.test(address))).toBe(true);
  expect(found.some((address) => address.endsWith('.wasm') && address.startsWith('/assets/'))).toBe(true);
  for (const address of found) {
    const response = await request.get(new URL(address, site).href);
    expect(response.status(), address).toBe(200);
    expectStrict(address, response.headers());
  }
  for (const address of ['/nothing', '/assets/nothing.js', '/models/nothing', '/models/../package.json']) {
    const response = await request.get(new URL(address, site).href);
    expect(response.status(), address).toBe(404);
    expectStrict(address, response.headers());
  }
  const refused = await request.post(`${site}models/index.json`, { data: 'secret' });
  expect(refused.status()).toBe(405);
  expectStrict('POST', refused.headers());
});

test('the header file for static hosts has the same policy', async () => {
  const file = await readFile(path.join(built, '_headers'), 'utf8');
  for (const [name, value] of Object.entries(securityHeaders)) expect(file).toContain(`  ${name}: ${value}\n`);
});
