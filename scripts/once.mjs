// Asks the page one question, in a headless browser with a temporary profile.
import { rm } from 'node:fs/promises';
import { browserFlags, createQuietProfile, ensureBrowser, NoBrowserError } from './browser.mjs';
import { onceDocument, oncePage } from './once-document.mjs';
import { proxyFlags, startRecordingProxy } from './recording-proxy.mjs';
import { freePort, serveSite } from './site.mjs';
import { CommandError, progressBar, say } from './terminal.mjs';

/** Asks the question, prints the answers and returns the exit code. Stops everything that it started, also on Ctrl-C. */
export async function askOnce(question) {
  const started = { cleanups: [], cleaning: Promise.resolve(), stoppedBy: '' };
  const running = run(question, started);
  // It may come twice: npm passes on the signal that the terminal has already sent to this process.
  const stop = (signal) => {
    started.stoppedBy = signal;
    // Closing the browser makes every pending step fail.
    void cleanUp(started);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return print(await running, question.isJson);
  } catch (error) {
    throw started.stoppedBy === '' ? error : new CommandError(`Stopped by ${started.stoppedBy}.`, 130);
  } finally {
    await cleanUp(started);
  }
}

/** Stops what was started, last first and one step at a time, since a profile is removed after its browser. May be called repeatedly. */
async function cleanUp(started) {
  const before = started.cleaning;
  started.cleaning = undoSteps(before, started.cleanups);
  await started.cleaning;
}

async function undoSteps(before, cleanups) {
  await before;
  for (let step = cleanups.pop(); step !== undefined; step = cleanups.pop()) await step().catch(() => undefined);
}

function print(document, isJson) {
  process.stdout.write(isJson ? `${JSON.stringify(document, null, 2)}\n` : oncePage(document));
  if (document.requests.otherOrigins === 0) return 0;
  say(`${document.requests.otherOrigins} requests went to other origins:`);
  for (const url of document.requests.foreign) say(`  ${url}`);
  return 3;
}

async function run(question, started) {
  const { cleanups } = started;
  const executablePath = await findExecutable();
  const server = await serveSite(await freePort());
  cleanups.push(server.close);
  const proxy = await startRecordingProxy(server.url);
  cleanups.push(async () => await proxy.close());
  const { browser, page } = await openPage(question, { executablePath, server, proxy, started });
  const beat = watchProgress(page);
  cleanups.push(async () => beat.stop());

  valueOf(await page.evaluate(async () => await globalThis.personaPlugDemo.ready), 'The models could not be loaded');
  const importStart = performance.now();
  const imported = valueOf(
    await page.evaluate(
      async ([text, name]) => await globalThis.personaPlugDemo.importText(text, name),
      [question.history, question.historyFile],
    ),
    `The history ${question.historyFile} was not imported`,
  );
  const importMilliseconds = performance.now() - importStart;
  const request = {
    task: question.task,
    input: question.input,
    ...(question.at === null ? {} : { at: question.at }),
  };
  const asked = valueOf(
    await page.evaluate(async (value) => await globalThis.personaPlugDemo.ask(value), request),
    'No answer was made',
  );
  const status = await page.evaluate(async () => await globalThis.personaPlugDemo.status());
  beat.stop();
  const version = browser.browser()?.version() ?? 'unknown';
  return onceDocument({ question, asked, imported: imported.result, importMilliseconds, status, proxy, version });
}

async function findExecutable() {
  try {
    return await ensureBrowser(say);
  } catch (error) {
    throw error instanceof NoBrowserError ? new CommandError(error.message) : error;
  }
}

/**
 * The page in a fresh profile. A forced WebGPU takes the machine's own adapter, and the software one where there is
 * none; PERSONA_PLUG_WEBGPU (hardware, software, off) decides instead.
 */
async function openPage(question, context) {
  const isForced = question.embedderDevice === 'webgpu' || question.languageModelDevice === 'webgpu';
  const named = process.env.PERSONA_PLUG_WEBGPU;
  const modes = named === undefined || named === '' ? (isForced ? ['hardware', 'software'] : ['hardware']) : [named];
  for (const mode of modes) {
    const opened = await launch(mode, question, context);
    if (!isForced || (await opened.page.evaluate(hasAdapter))) return opened;
    await opened.browser.close();
  }
  throw new CommandError(
    'WebGPU was requested, but this browser has no WebGPU adapter, not even a software one. ' +
      'Run it with wasm instead (--embedder-device wasm --llm-device wasm), or name another browser in PERSONA_PLUG_CHROMIUM.',
  );
}

async function launch(mode, question, { executablePath, server, proxy, started }) {
  const { cleanups } = started;
  if (started.stoppedBy !== '') throw new CommandError('Stopped.');
  const { chromium } = await import('playwright');
  const profile = await createQuietProfile();
  cleanups.push(async () => await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: [...browserFlags(mode), ...proxyFlags(proxy)],
    // The clean-up closes the browser on Ctrl-C; the browser must not handle the signal itself.
    handleSIGINT: false,
    handleSIGTERM: false,
  });
  cleanups.push(async () => await browser.close());
  const address = new URL(server.url);
  if (question.embedderDevice !== null) address.searchParams.set('embedder', question.embedderDevice);
  if (question.languageModelDevice !== null) address.searchParams.set('llm', question.languageModelDevice);
  const page = browser.pages()[0] ?? (await browser.newPage());
  await page.goto(address.href);
  await page.waitForFunction(() => globalThis.personaPlugDemo !== undefined);
  return { browser, page };
}

async function hasAdapter() {
  return ((await globalThis.navigator.gpu?.requestAdapter()) ?? null) !== null;
}

/** Shows the page's own long steps as bars in the terminal. */
function watchProgress(page) {
  let bar = null;
  let title = null;
  let isBusy = false;
  const look = async () => {
    if (isBusy) return;
    isBusy = true;
    const job = await page.evaluate(() => globalThis.personaPlugDemo.job()).catch(() => null);
    isBusy = false;
    if (job?.title !== title) {
      bar?.end();
      title = job?.title ?? null;
      bar = title === null ? null : progressBar(title);
    }
    if (job?.progress) bar?.update(job.progress.done, job.progress.total, job.progress.label);
  };
  const timer = setInterval(() => void look(), 250);
  return {
    stop() {
      clearInterval(timer);
      bar?.end();
      bar = null;
    },
  };
}

/** Turns a failure that the page reported into the command's own. */
function valueOf(result, title) {
  if (result.ok) return result;
  throw new CommandError(`${title} (${result.code}): ${result.message}`);
}
