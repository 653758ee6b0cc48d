// How scripts drive the page: the command line and the browser tests use the very code behind the buttons.
import {
  type EngineStatus,
  type Explanation,
  type HistoryItem,
  type ImportResult,
  PersonaPlugError,
  type Progress,
} from 'persona-plug';
import type { Answer, OwnRequests } from './demo-state.ts';
import type { Demo } from './demo.ts';
import type { Question } from './question.ts';
import type { ForeignRequest } from './watch-requests.ts';

/** What an answer looks like to a script. */
export interface AskResult {
  readonly none: Answer;
  readonly persona: Answer;
  readonly explanation: Explanation | null;
  /** Milliseconds from the start of the page's script until the models were loaded. */
  readonly loadMilliseconds: number | null;
}

/** `globalThis.personaPlugDemo` on the page. */
export interface PersonaPlugDemo {
  /** Settles when the models are loaded; never rejects, so that a failure comes as a value with its code. */
  readonly ready: Promise<{ readonly ok: true; readonly status: EngineStatus } | ScriptFailure>;
  importText(
    jsonl: string,
    name?: string,
  ): Promise<{ readonly ok: true; readonly result: ImportResult } | ScriptFailure>;
  ask(question: Question): Promise<({ readonly ok: true } & AskResult) | ScriptFailure>;
  stop(): void;
  /** The two answers as far as they have come. */
  answers(): { readonly none: Answer; readonly persona: Answer };
  explain(question: Question): Promise<Explanation>;
  forget(id: string): Promise<boolean>;
  forgetEverything(): Promise<void>;
  items(): Promise<HistoryItem[]>;
  exportText(includeVectors?: boolean): Promise<string>;
  status(): Promise<EngineStatus>;
  /** The long step that is running, for a progress bar outside of the page. */
  job(): { readonly title: string; readonly progress: Progress | null } | null;
  requests(): { readonly own: OwnRequests; readonly foreign: readonly ForeignRequest[] };
}

/** An error as a plain value: it keeps its code on the way out of the page. */
export interface ScriptFailure {
  readonly ok: false;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

declare global {
  // eslint-disable-next-line no-var -- a property of globalThis needs var
  var personaPlugDemo: PersonaPlugDemo | undefined;
}

export function createScriptInterface(demo: Demo, loaded: Promise<EngineStatus>): PersonaPlugDemo {
  const { state } = demo;
  return {
    ready: settle(loaded.then((status) => ({ status }))),
    importText: async (jsonl, name) => await settle(demo.importText(jsonl, name).then((result) => ({ result }))),
    ask: async (question) =>
      await settle(
        demo.ask(question).then(() => ({
          none: state.none.value,
          persona: state.persona.value,
          explanation: state.explanation.value,
          loadMilliseconds: state.loadMilliseconds.value,
        })),
      ),
    stop: () => demo.stop(),
    answers: () => ({ none: state.none.value, persona: state.persona.value }),
    explain: async (question) => await demo.explain(question),
    forget: async (id) => await demo.forget(id),
    forgetEverything: async () => await demo.forgetEverything(),
    items: async () => await demo.personalizer.items(),
    exportText: async (includeVectors) => await demo.exportText(includeVectors),
    status: async () => await demo.status(),
    job: () => {
      const job = state.job.value;
      return job === null ? null : { title: job.title, progress: job.progress };
    },
    requests: () => ({ own: state.ownRequests.value, foreign: state.foreignRequests.value }),
  };
}

async function settle<T extends object>(work: Promise<T>): Promise<({ readonly ok: true } & T) | ScriptFailure> {
  try {
    return { ok: true, ...(await work) };
  } catch (error) {
    return {
      ok: false,
      code: PersonaPlugError.isInstance(error) ? error.code : error instanceof DOMException ? error.name : 'internal',
      message: error instanceof Error ? error.message : String(error),
      details: PersonaPlugError.isInstance(error) ? error.details : {},
    };
  }
}
