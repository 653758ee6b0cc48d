// `npm start`: installs missing packages, checks the models, builds the page and serves it. With `--once`: asks the page one question in a
// headless browser, and prints both answers.
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { checkNode, installMissing } from './dependencies.mjs';
import { checkModels } from './models.mjs';
import { CommandError, say } from './terminal.mjs';

const port = 5180;
const usage = `npm start                      serve the demo on http://127.0.0.1:${port}/
npm start -- --once HISTORY.jsonl --task TASK --input "TEXT"
    [--embedder-device webgpu|wasm] [--llm-device webgpu|wasm] [--at DATE] [--json]`;

async function main() {
  const options = readArguments();
  if (options.help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  checkNode();
  const question = options.once === undefined ? null : await readQuestion(options);
  if (question === null) await refusePortEarly();
  await installMissing();
  await checkModels();
  const { buildSite } = await import('./site.mjs');
  await buildSite();
  if (question === null) await serve();
  else {
    const { askOnce } = await import('./once.mjs');
    process.exitCode = await askOnce(question);
  }
}

async function refusePortEarly() {
  const { refuseTakenPort } = await import('./site.mjs');
  await refuseTakenPort(port);
}

async function serve() {
  const { serveSite } = await import('./site.mjs');
  const server = await serveSite(port);
  process.stdout.write(`${server.url}\n`);
  say('Open it in a Chromium-based browser. Ctrl-C stops the server.');
  await new Promise((resolve) => {
    // It may come twice: npm passes on the signal that the terminal has already sent to this process.
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, resolve);
  });
  await server.close();
  process.exit();
}

function readArguments() {
  const device = { type: 'string' };
  try {
    const { values } = parseArgs({
      options: {
        once: { type: 'string' },
        task: { type: 'string' },
        input: { type: 'string' },
        at: { type: 'string' },
        'embedder-device': device,
        'llm-device': device,
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new CommandError(`${error.message}\n\n${usage}`, 2);
  }
}

/** What `--once` needs, checked before anything is installed or started. */
async function readQuestion(options) {
  for (const name of ['task', 'input']) {
    if (options[name] === undefined || options[name] === '') {
      throw new CommandError(`--once needs --${name}.\n\n${usage}`, 2);
    }
  }
  for (const name of ['embedder-device', 'llm-device']) {
    const value = options[name];
    if (value !== undefined && value !== 'webgpu' && value !== 'wasm') {
      throw new CommandError(`--${name} is ${value}. It is webgpu or wasm.`, 2);
    }
  }
  if (options.at !== undefined && Number.isNaN(Date.parse(options.at))) {
    throw new CommandError(`--at is ${options.at}. Give a date as YYYY-MM-DD or ISO 8601.`, 2);
  }
  let history;
  try {
    history = await readFile(options.once, 'utf8');
  } catch (error) {
    throw new CommandError(
      `The history ${options.once} cannot be read: ${error.message}. Give the path of a JSONL file.`,
    );
  }
  return {
    historyFile: options.once,
    history,
    task: options.task,
    input: options.input,
    at: options.at ?? null,
    embedderDevice: options['embedder-device'] ?? null,
    languageModelDevice: options['llm-device'] ?? null,
    isJson: options.json,
  };
}

try {
  await main();
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  say(error.message);
  process.exitCode = error.exitCode;
}
