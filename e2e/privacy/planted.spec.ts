// Requests to other origins that are planted in the page and in the worker: all are blocked and reported, and none arrives.
import { chromium, expect, type Page, test } from '@playwright/test';
import { browserFlags, findBrowser } from '../../scripts/browser.mjs';
import { proxyFlags, startRecordingProxy } from '../../scripts/recording-proxy.mjs';
import { DemoBrowser, site } from '../site/demo-browser.ts';
import { OtherOrigin } from './recorder.ts';

/** Runs in the page and in the worker; each leaves out what it does not have. */
async function plant(host: string): Promise<string[]> {
  const planted: string[] = [];
  const attempt = async (name: string, work: () => unknown): Promise<void> => {
    planted.push(name);
    try {
      await work();
    } catch {
      // Blocked. Whether it was is checked with the recorder and on the page.
    }
  };
  const scope = 'document' in globalThis ? 'page' : 'worker';
  const url = (name: string): string => `http://${host}/${scope}-${name}`;
  await attempt('fetch', async () => await fetch(url('fetch')));
  await attempt('post', async () => await fetch(url('post'), { method: 'POST', body: 'secret', mode: 'no-cors' }));
  await attempt('request', async () => {
    const request = new XMLHttpRequest();
    request.open('GET', url('request'));
    request.send();
    await new Promise((resolve) => request.addEventListener('loadend', resolve));
  });
  await attempt('socket', () => new WebSocket(`ws://${host}/${scope}-socket`));
  await attempt('events', () => new EventSource(url('events')));
  await attempt('import', async () => await import(/* @vite-ignore */ url('import')));
  if (scope === 'page') {
    await attempt('beacon', () => navigator.sendBeacon(url('beacon'), 'secret'));
    await attempt('image', async () => {
      const image = new Image();
      const settled = new Promise((resolve) => {
        image.addEventListener('load', resolve);
        image.addEventListener('error', resolve);
      });
      image.src = url('image');
      await settled;
    });
    await attempt('style', () => {
      const link = document.createElement('link');
      link.rel = 'stylesheet';
      link.href = url('style');
      document.head.append(link);
    });
    await attempt('script', () => {
      const script = document.createElement('script');
      script.src = url('script');
      document.head.append(script);
    });
    await attempt('frame', () => {
      const frame = document.createElement('iframe');
      frame.src = url('frame');
      document.body.append(frame);
    });
    await attempt('form', () => {
      const form = document.createElement('form');
      form.action = url('form');
      form.method = 'post';
      document.body.append(form);
      form.submit();
    });
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  return planted.map((name) => `${scope}-${name}`);
}

async function reported(page: Page): Promise<string[]> {
  return await page.getByRole('region', { name: 'Requests' }).getByRole('listitem').allTextContents();
}

/** The page's report of a planted request. For a frame, the browser reports only the origin. */
function trace(name: string): string {
  return name === 'page-frame' ? '(frame-src)' : `/${name} `;
}

test('planted requests are blocked and reported, in page and worker', async () => {
  await using other = await OtherOrigin.start();
  const proxy = await startRecordingProxy(site);
  await using browser = await DemoBrowser.create();
  const { page } = await browser.open({ webgpu: 'off', query: '', flags: proxyFlags(proxy) });
  const [worker] = page.workers();
  if (worker === undefined) throw new Error('The page has no worker.');

  const inWorker = await worker.evaluate(plant, other.host);
  const inPage = await page.evaluate(plant, other.host);
  // Every planted request is on the page.
  const missing = async (): Promise<string[]> => {
    const lines = await reported(page);
    return [...inPage, ...inWorker].filter((name) => !lines.some((line) => line.includes(trace(name))));
  };
  await expect.poll(missing).toEqual([]);
  expect(other.requests).toEqual([]);
  expect(proxy.foreign()).toEqual([]);

  for (const line of await reported(page)) expect(line).toMatch(/^Blocked in the (page|worker): /);
  // After the blocked form Playwright waits for a navigation, so the text is read without locators.
  expect((await page.locator('.seal').allTextContents()).join()).toMatch(/^0 requests to other origins, \d+ blocked$/);
  await proxy.close();
});

test('the recorder sees a request that is not blocked', async () => {
  // Otherwise a recorder that sees nothing would pass every other test.
  await using other = await OtherOrigin.start();
  const proxy = await startRecordingProxy(`http://${other.host}/`);
  const executablePath = findBrowser();
  const browser = await chromium.launch({
    ...(executablePath === null ? {} : { executablePath }),
    args: [...browserFlags('off'), ...proxyFlags(proxy)],
  });
  const page = await browser.newPage();
  await page.goto(`http://${other.host}/`);
  await page.evaluate(
    async (port) => await fetch(`http://localhost:${port}/leak`).catch(() => undefined),
    other.host.split(':')[1],
  );
  await browser.close();
  expect(proxy.requests.some(({ url, isOwn }) => isOwn && url === `http://${other.host}/`)).toBe(true);
  expect(proxy.foreign().map(({ url }) => new URL(url).pathname)).toContain('/leak');
  expect(other.requests).toContain('GET /');
  await proxy.close();
});
