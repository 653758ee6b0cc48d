// Everything that the page shows, as signals.
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type {
  EngineStatus,
  Explanation,
  GenerateTiming,
  GenerationUsage,
  HistoryItem,
  Progress,
  RetrievalOptions,
} from 'persona-plug';
import type { Question } from './question.ts';
import type { ForeignRequest } from './watch-requests.ts';

/** One of the two answers, as far as it has come. */
export interface Answer {
  readonly state: 'empty' | 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';
  readonly text: string;
  readonly answer: string | null;
  readonly usage: GenerationUsage | null;
  readonly timing: GenerateTiming | null;
}

export const emptyAnswer: Answer = { state: 'empty', text: '', answer: null, usage: null, timing: null };

/** A long step that the visitor can watch and cancel. */
export interface Job {
  readonly title: string;
  readonly progress: Progress | null;
  readonly cancel: () => void;
}

/** Something that went wrong, in words for people. */
export interface Failure {
  readonly title: string;
  readonly message: string;
  readonly code: string;
}

export interface OwnRequests {
  readonly count: number;
  readonly bytes: number;
}

/** What an export is to the page: a file of items. */
export interface DemoState {
  readonly phase: Signal<'loading' | 'ready' | 'cancelled' | 'failed'>;
  readonly status: Signal<EngineStatus | null>;
  /** Milliseconds from the start of the page's script until everything was loaded. */
  readonly loadMilliseconds: Signal<number | null>;
  readonly items: Signal<readonly HistoryItem[]>;
  readonly job: Signal<Job | null>;
  readonly failure: Signal<Failure | null>;
  /** A sentence about what has just been done. */
  readonly notice: Signal<string>;
  readonly task: Signal<string>;
  readonly input: Signal<string>;
  /** Which earlier items the next prompt shows; null: none. */
  readonly retrieval: Signal<RetrievalOptions | null>;
  /** What the answers on the page answer. */
  readonly asked: Signal<Question | null>;
  readonly none: Signal<Answer>;
  readonly persona: Signal<Answer>;
  readonly explanation: Signal<Explanation | null>;
  readonly isAsking: Signal<boolean>;
  readonly ownRequests: Signal<OwnRequests>;
  readonly foreignRequests: Signal<readonly ForeignRequest[]>;
  readonly tasks: ReadonlySignal<readonly string[]>;
  readonly itemsOfTask: ReadonlySignal<readonly HistoryItem[]>;
}

export function createDemoState(): DemoState {
  const items = signal<readonly HistoryItem[]>([]);
  const status = signal<EngineStatus | null>(null);
  const task = signal('news_category');
  return {
    phase: signal('loading'),
    status,
    loadMilliseconds: signal(null),
    items,
    job: signal(null),
    failure: signal(null),
    notice: signal(''),
    task,
    input: signal(''),
    retrieval: signal(null),
    asked: signal(null),
    none: signal(emptyAnswer),
    persona: signal(emptyAnswer),
    explanation: signal(null),
    isAsking: signal(false),
    ownRequests: signal({ count: 0, bytes: 0 }),
    foreignRequests: signal([]),
    // The plug's tasks first; then those of the visitor's own history.
    tasks: computed(() => [
      ...new Set([...(status.value?.plug.tasks ?? [task.value]), ...items.value.map((item) => item.task)]),
    ]),
    itemsOfTask: computed(() => items.value.filter((item) => item.task === task.value)),
  };
}
