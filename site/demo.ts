// What a visitor can do: each action ends in the state that the page shows, its errors included.
import { batch, effect } from '@preact/signals';
import {
  createPersonalizer,
  type EngineOptions,
  type EngineStatus,
  type Explanation,
  type ImportResult,
  type Personalizer,
  PersonaPlugError,
  type Progress,
} from 'persona-plug';
import { askTwice } from './ask.ts';
import { createDemoState, type DemoState, emptyAnswer } from './demo-state.ts';
import type { Question } from './question.ts';
import { ignoreFailure } from './ignore-failure.ts';
import type { SampleHistory } from './sample-histories.ts';
import { Trainer } from './trainer.ts';
import { addForeign, onWorkerReport, type RequestReport, watchRequests } from './watch-requests.ts';

export interface DemoOptions {
  /** Read when loading starts: a wrong address is then a failure that the page shows. */
  readonly engine: () => EngineOptions;
  readonly createWorker: () => Worker;
  /** A worker of its own: answers do not wait for a training. */
  readonly createTrainingWorker: () => Worker;
}

/** The actions behind the page's buttons. Those that fail reject, and show the failure too. */
export class Demo {
  readonly state: DemoState = createDemoState();
  readonly trainer: Trainer;
  readonly #options: DemoOptions;
  #personalizer: Personalizer | null = null;
  #worker: Worker | null = null;
  #asking: AbortController | null = null;

  constructor(options: DemoOptions) {
    this.#options = options;
    watchRequests('page', this.#onRequest);
    this.trainer = new Trainer({
      adapters: () => this.personalizer.adapters,
      notify: (sentence) => (this.state.notice.value = sentence),
    });
    effect(() => {
      const { phase, task } = this.state;
      if (phase.value === 'ready') ignoreFailure(this.trainer.show(task.value));
    });
  }

  /** Starts the worker and loads the models in it. */
  async load(): Promise<EngineStatus> {
    this.state.phase.value = 'loading';
    try {
      return await this.#run('Loading the models', 'The models could not be loaded', async (signal, onProgress) => {
        const engine = this.#options.engine();
        this.#worker = this.#reporting(this.#options.createWorker());
        this.#personalizer = await createPersonalizer({
          ...engine,
          worker: this.#worker,
          trainingWorker: () => this.#reporting(this.#options.createTrainingWorker()),
          signal,
          onProgress,
        });
        ignoreFailure(this.trainer.follow());
        const status = await this.#refresh();
        batch(() => {
          this.state.loadMilliseconds.value = performance.now();
          this.state.phase.value = 'ready';
          this.#chooseTask();
        });
        return status;
      });
    } catch (error) {
      this.#worker?.terminate();
      this.#worker = null;
      this.state.phase.value = this.state.failure.value === null ? 'cancelled' : 'failed';
      throw error;
    }
  }

  async importText(jsonl: string, name = 'the file'): Promise<ImportResult> {
    const title = `Reading ${name}`;
    return await this.#run(title, `${name} was not imported`, async (signal, onProgress) => {
      const result = await this.personalizer.importHistory(jsonl, { signal, onProgress });
      await this.#refresh();
      batch(() => {
        this.#chooseTask();
        this.state.notice.value = importSentence(name, result);
      });
      return result;
    });
  }

  async importFile(file: File): Promise<ImportResult> {
    // Asked from a click: the browser may then keep the history also when the disk fills up.
    await navigator.storage.persist();
    return await this.importText(await file.text(), file.name);
  }

  async importSample(sample: SampleHistory): Promise<ImportResult> {
    const response = await fetch(`/samples/${sample.file}`);
    const result = await this.importText(await response.text(), sample.title);
    this.state.task.value = sample.task;
    return result;
  }

  /** Asks without and with the persona. */
  async ask(question: Question): Promise<void> {
    this.stop();
    const asking = new AbortController();
    this.#asking = asking;
    batch(() => {
      this.state.task.value = question.task;
      this.state.input.value = question.input;
      this.state.retrieval.value = question.retrieval ?? null;
      this.state.isAsking.value = true;
      this.state.failure.value = null;
      this.state.notice.value = '';
    });
    try {
      await askTwice(question, {
        personalizer: this.personalizer,
        state: this.state,
        signal: asking.signal,
        onProgress: (progress) => this.#showProgress('Reading your history', progress, () => asking.abort()),
      });
    } catch (error) {
      this.#fail('No answer was made', error, asking.signal);
      throw error;
    } finally {
      if (this.#asking === asking) this.#asking = null;
      this.state.isAsking.value = this.#asking !== null;
      this.state.job.value = null;
    }
  }

  /** Stops the answers that are being written. */
  stop(): void {
    this.#asking?.abort(new DOMException('Stopped by the visitor.', 'AbortError'));
  }

  /** Removes one item, and shows the weights that the answer would have without it. */
  async forget(id: string): Promise<boolean> {
    return await this.#run('Forgetting one item', 'The item was not forgotten', async (signal) => {
      const wasThere = await this.personalizer.forget(id, { signal });
      const { status: known, items } = this.state;
      const before = staleCount(known.value);
      this.trainer.forgetEnded(items.value.find((item) => item.id === id)?.task);
      const status = await this.#refresh();
      await this.#explainAgain(signal);
      const isStale = staleCount(status) > before;
      this.state.notice.value = isStale
        ? 'Forgotten: the item and its vectors are gone, and what was trained on it is erased. It can be trained again.'
        : 'Forgotten: the item and its vectors are gone.';
      return wasThere;
    });
  }

  async forgetEverything(): Promise<void> {
    await this.#run('Forgetting everything', 'The history was not forgotten', async (signal) => {
      await this.personalizer.forgetEverything({ signal });
      this.trainer.forgetEnded();
      await this.#refresh();
      batch(() => {
        this.state.none.value = emptyAnswer;
        this.state.persona.value = emptyAnswer;
        this.state.explanation.value = null;
        this.state.asked.value = null;
        this.state.notice.value = 'Everything is forgotten.';
      });
    });
  }

  async exportText(includeVectors = false): Promise<string> {
    return await this.#run(
      'Writing the export',
      'The history was not exported',
      async (signal) => await this.personalizer.exportHistory({ signal, includeVectors }),
    );
  }

  /** Hands the export to the visitor as a file. */
  async download(): Promise<void> {
    const address = URL.createObjectURL(new Blob([await this.exportText(true)], { type: 'application/x-ndjson' }));
    const link = document.createElement('a');
    link.href = address;
    link.download = 'persona-plug-history.jsonl';
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }

  async explain(question: Question): Promise<Explanation> {
    return await this.personalizer.explain(question);
  }

  async status(): Promise<EngineStatus> {
    return await this.#refresh();
  }

  get personalizer(): Personalizer {
    if (this.#personalizer === null) {
      throw new PersonaPlugError('closed', 'The models are not loaded yet. Wait until the page says so.');
    }
    return this.#personalizer;
  }

  /** The worker, whose requests are shown on the page. */
  #reporting(worker: Worker): Worker {
    onWorkerReport(worker, this.#onRequest);
    return worker;
  }

  /** A long step: shown with its progress, can be cancelled, its failure is shown. */
  async #run<T>(
    title: string,
    failureTitle: string,
    work: (signal: AbortSignal, onProgress: (progress: Progress) => void) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const cancel = (): void => controller.abort(new DOMException('Cancelled by the visitor.', 'AbortError'));
    batch(() => {
      this.state.failure.value = null;
      this.state.notice.value = '';
      this.state.job.value = { title, progress: null, cancel };
    });
    try {
      return await work(controller.signal, (progress) => this.#showProgress(title, progress, cancel));
    } catch (error) {
      this.#fail(failureTitle, error, controller.signal);
      throw error;
    } finally {
      this.state.job.value = null;
    }
  }

  #showProgress(title: string, progress: Progress, cancel: () => void): void {
    this.state.job.value = { title, progress, cancel };
  }

  #fail(title: string, error: unknown, signal: AbortSignal): void {
    if (signal.aborted && error === signal.reason) {
      this.state.notice.value = 'Stopped.';
      return;
    }
    this.state.failure.value = {
      title,
      message: error instanceof Error ? error.message : String(error),
      code: PersonaPlugError.isInstance(error) ? error.code : 'internal',
    };
  }

  async #refresh(): Promise<EngineStatus> {
    const status = await this.personalizer.status();
    const items = await this.personalizer.items();
    batch(() => {
      this.state.status.value = status;
      this.state.items.value = items;
    });
    return status;
  }

  async #explainAgain(signal: AbortSignal): Promise<void> {
    const { explanation, asked } = this.state;
    if (explanation.value === null || asked.value === null) return;
    explanation.value = await this.personalizer.explain(asked.value, { signal });
  }

  /** A history without an item of the chosen task would only ever give an empty persona. */
  #chooseTask(): void {
    const { itemsOfTask, items, task } = this.state;
    const first = items.value[0];
    if (itemsOfTask.value.length === 0 && first !== undefined) task.value = first.task;
  }

  readonly #onRequest = (report: RequestReport): void => {
    if (report.kind === 'own') {
      const { count, bytes } = this.state.ownRequests.value;
      this.state.ownRequests.value = { count: count + 1, bytes: bytes + report.bytes };
    } else {
      this.state.foreignRequests.value = addForeign(this.state.foreignRequests.value, report.request);
    }
  };
}

function staleCount(status: EngineStatus | null): number {
  return status?.adapters.filter(({ state }) => state === 'stale').length ?? 0;
}

function importSentence(name: string, { added, replaced, unchanged, partlyEmbedded }: ImportResult): string {
  const parts = [
    `${added} new`,
    ...(replaced > 0 ? [`${replaced} replaced`] : []),
    ...(unchanged > 0 ? [`${unchanged} known already`] : []),
    ...(partlyEmbedded > 0 ? [`${partlyEmbedded} so long that only a part of the text counts`] : []),
  ];
  return `Imported ${name}: ${parts.join(', ')}.`;
}
