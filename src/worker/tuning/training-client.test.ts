// The page's side of the training worker, over a worker that only listens.
import { expect, test } from 'vitest';
import type { TrainingEvent } from '../../adapter/training-run.ts';
import { pageTrainings } from './page-trainings.ts';
import { readTrainingCommand, type TrainingCommand, type TrainingReply, wrapTraining } from './training-protocol.ts';

const place = { models: 'http://localhost/models/', packages: { languageModel: 'l', plug: 'p' }, storageName: 'one' };
const order = { task: 'notes', options: { kind: 'prompt' } } as const;
const result = { trainedItems: 1, heldOutItems: 1, startLoss: 2, loss: 1, pass: 1, loraScale: 1, finishedAt: 0 };
const ready: TrainingEvent = { type: 'end', outcome: { type: 'ready', result } };
const step: TrainingEvent = { type: 'step', step: 1, steps: 2, loss: 1, millisecondsLeft: null };

/** What the client uses of a worker. */
class FakeWorker extends EventTarget {
  readonly commands: TrainingCommand['type'][] = [];
  isTerminated = false;
  onCommand: (command: TrainingCommand) => void = () => undefined;

  postMessage(message: unknown): void {
    const command = readTrainingCommand(message);
    if (command === null) return;
    this.commands.push(command.type);
    this.onCommand(command);
  }

  reply(...replies: TrainingReply[]): void {
    for (const reply of replies) this.dispatchEvent(new MessageEvent('message', { data: wrapTraining(reply) }));
  }

  terminate(): void {
    this.isTerminated = true;
  }
}

function setUp() {
  const workers: FakeWorker[] = [];
  const trainings = pageTrainings(() => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker as unknown as Worker;
  }, place);
  return { workers, trainings };
}

/** Once the client is loaded and has posted what it was told. */
async function posted(workers: readonly FakeWorker[], count: number): Promise<void> {
  await expect.poll(() => workers.flatMap(({ commands }) => commands).length).toBe(count);
}

async function read(run: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

test('the worker is started with the first training and kept for the next one', async () => {
  const { workers, trainings } = setUp();
  expect(workers).toHaveLength(0);
  for (const count of [1, 2]) {
    const events = read(trainings.start(order));
    await posted(workers, count);
    workers[0]?.reply({ type: 'event', event: step }, { type: 'event', event: ready }, { type: 'end' });
    expect(await events).toEqual([step, ready]);
  }
  expect(workers).toHaveLength(1);
});

test('without a worker to train in, and while a training runs, another one is refused', async () => {
  await expect(read(pageTrainings(undefined, place).start(order))).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringMatching(/trainingWorker.*serveTrainingWorker/u),
  });
  const { workers, trainings } = setUp();
  const first = read(trainings.start(order));
  await posted(workers, 1);
  await expect(read(trainings.start(order))).rejects.toMatchObject({ code: 'invalid-argument' });
  workers[0]?.reply({ type: 'end' });
  expect(await first).toEqual([]);
});

test('a pause and an abort are told to the worker, also those that come before it is there', async () => {
  const { workers, trainings } = setUp();
  const controller = new AbortController();
  const reason = new Error('enough');
  const run = trainings.start(order, { signal: controller.signal });
  run.pause();
  controller.abort(reason);
  await posted(workers, 3);
  expect(workers[0]?.commands).toEqual(['start', 'abort', 'pause']);
  workers[0]?.reply({ type: 'error', error: { code: 'aborted', message: '', details: {}, cause: null } });
  await expect(read(run)).rejects.toBe(reason);
  trainings.pause();
  await expect(read(trainings.start(order, { signal: controller.signal }))).rejects.toBe(reason);
  expect(workers[0]?.commands).toHaveLength(3);
});

test('leaving the loop pauses, and waits until the place is kept', async () => {
  const { workers, trainings } = setUp();
  const left = (async () => {
    for await (const _event of trainings.start(order)) break;
  })();
  await posted(workers, 1);
  let isKept = false;
  const [worker] = workers;
  if (worker === undefined) throw new Error('no worker');
  worker.onCommand = () =>
    setTimeout(() => {
      isKept = true;
      worker.reply({ type: 'end' });
    }, 50);
  worker.reply({ type: 'event', event: step });
  await left;
  expect({ isKept, commands: worker.commands }).toEqual({ isKept: true, commands: ['start', 'pause'] });
});

test('a worker that dies ends its training, and the next one gets a new worker', async () => {
  const { workers, trainings } = setUp();
  const first = read(trainings.start(order));
  await posted(workers, 1);
  workers[0]?.dispatchEvent(Object.assign(new Event('error'), { message: 'out of memory' }));
  await expect(first).rejects.toMatchObject({ code: 'closed', message: expect.stringContaining('out of memory') });
  const second = read(trainings.start(order));
  await posted(workers, 2);
  workers[1]?.reply({ type: 'end' });
  expect(await second).toEqual([]);
  expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
});

test('closed, the worker is terminated, and a training ends or is refused', async () => {
  const { workers, trainings } = setUp();
  const running = read(trainings.start(order));
  await posted(workers, 1);
  trainings[Symbol.dispose]();
  await expect(running).rejects.toMatchObject({ code: 'closed' });
  expect(workers[0]?.isTerminated).toBe(true);
  await expect(read(trainings.start(order))).rejects.toMatchObject({ code: 'closed' });
});

test('a worker that cannot be started says so, and is tried again', async () => {
  let count = 0;
  const trainings = pageTrainings(() => {
    count += 1;
    throw new DOMException('No more workers.', 'SecurityError');
  }, place);
  for (const _time of [1, 2]) {
    await expect(read(trainings.start(order))).rejects.toMatchObject({
      code: 'runtime-failed',
      message: expect.stringContaining('No more workers.'),
    });
  }
  expect(count).toBe(2);
});
