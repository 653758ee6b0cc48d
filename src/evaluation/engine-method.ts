// Most methods are the engine with another history or another request. This makes such a method.
import type { GenerateRequest } from '../engine/personalizer.ts';
import type { HistoryItem } from '../history/history-item.ts';
import type { EvaluationQuery } from './data/evaluation-task.ts';
import { mainLanguageModel, mainPlug } from './evaluation-models.ts';
import type { Method, UserSession } from './method.ts';
import { trainForUser, type AdapterChoice, whyUntrainable } from './training/train-for-user.ts';

/** Whose history the engine holds. */
export interface HistoryChoice {
  /** Methods of one name share an engine, so that an item is projected once. */
  readonly name: string;
  readonly itemsOf: (session: UserSession, query: EvaluationQuery) => readonly HistoryItem[];
  /** Whom it needs beside the user. */
  readonly needs?: 'sameTaskControl' | 'otherTaskControl';
}

export const ownHistory: HistoryChoice = { name: 'own', itemsOf: (_, query) => query.history };

export const noHistory: HistoryChoice = { name: 'none', itemsOf: () => [] };

/** Another user's items before her first query: what this user's would look like if they were not hers. */
export const anotherUsersHistory: HistoryChoice = {
  name: 'sameTaskControl',
  needs: 'sameTaskControl',
  // Co-authors share abstracts: an item that holds the query's own input would hold its answer too.
  itemsOf: ({ sameTaskControl }, { input }) =>
    (sameTaskControl?.queries[0]?.history ?? []).filter((item) => item.input !== input),
};

/** Items of another task's user, put under this task: memory that has nothing to say. */
export const anotherTasksHistory: HistoryChoice = {
  name: 'otherTaskControl',
  needs: 'otherTaskControl',
  itemsOf: ({ otherTaskControl, task }) =>
    (otherTaskControl?.queries[0]?.history ?? []).map((item) => ({
      ...item,
      id: `${item.id}:${item.task}`,
      task: task.task,
    })),
};

/** Her newest items only, as if she were new. */
export function newestOfOwnHistory(count: number): HistoryChoice {
  return { name: `newest-${count}`, itemsOf: (_, query) => (count === 0 ? [] : query.history.slice(-count)) };
}

export interface EngineMethodOptions {
  readonly name: string;
  readonly description: string;
  readonly history: HistoryChoice;
  /** What the request says beside task, input, date and choices. */
  readonly request: Pick<GenerateRequest, 'persona' | 'unigramAdaptation' | 'retrieval' | 'profile'>;
  /** Name of the plug package. @defaultValue the main one */
  readonly plug?: string;
  /** Name of the language model package. @defaultValue the main one */
  readonly languageModel?: string;
  /** What is trained on the items before the first query, and answers with. @defaultValue nothing */
  readonly adapter?: AdapterChoice;
}

export function engineMethod(options: EngineMethodOptions): Method {
  const { name, description, history, request, adapter, plug = mainPlug, languageModel = mainLanguageModel } = options;
  return {
    name,
    description,
    unavailable(models, { hasSameTaskControl, hasOtherTaskControl }) {
      const { plugs, languageModels, missing } = models;
      const needsSameTaskControl = history.needs === 'sameTaskControl' || adapter?.of === 'sameTaskControl';
      if (needsSameTaskControl && !hasSameTaskControl) return 'it needs another user of the task, and there is but one';
      if (history.needs === 'otherTaskControl' && !hasOtherTaskControl)
        return 'it needs a user of another task, and no other task was given';
      const absent = plugs.has(plug) ? languageModel : plug;
      if (plugs.has(plug) && languageModels.has(languageModel))
        return adapter === undefined ? null : whyUntrainable(models, adapter);
      return missing.get(absent) ?? `the package ${absent} is not in the models folder`;
    },
    async prepare(session, { signal }) {
      const trained = adapter === undefined ? null : await trainForUser(session, adapter, signal);
      const engine = session.engine(history.name, { plug, languageModel });
      return {
        ...(trained === null ? {} : { trained }),
        async answer({ input, output, date, ...query }, { signal, withAnswer }) {
          const items = history.itemsOf(session, { input, output, date, ...query });
          await engine.setHistory(items, signal);
          // Ages of an undated query are counted from her newest dated item, not from the day of the measurement.
          const at = date ?? items.findLast((item) => item.date !== null)?.date ?? null;
          const { task } = session;
          const scored = await engine.score(
            {
              task: task.task,
              input,
              ...(at === null ? {} : { at }),
              ...(task.choices === null ? {} : { choices: task.choices }),
              ...request,
            },
            output,
            { signal, withAnswer, adapter: trained?.record ?? null },
          );
          const { gate, isPersonaUsed, adapters } = scored.explanation;
          return {
            nll: -scored.logProbability,
            tokens: scored.tokens,
            ...(withAnswer ? { answer: scored.answer } : {}),
            ...(request.persona === 'none' ? {} : { gate, isPersonaUsed }),
            ...(trained === null ? {} : { isTuned: adapters.length > 0 }),
            historySize: Math.max(items.length, trained?.items ?? 0),
          };
        },
      };
    },
  };
}
