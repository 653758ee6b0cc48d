// Asks the same question twice, without and with the persona, and keeps the two answers on the page up to date.
import type { GenerateEvent, GenerateRequest, Personalizer, Progress } from 'persona-plug';
import { batch, type Signal } from '@preact/signals';
import { type Answer, type DemoState, emptyAnswer } from './demo-state.ts';
import type { Question } from './question.ts';

interface AskContext {
  readonly personalizer: Personalizer;
  readonly state: DemoState;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** Streams both answers, one after the other: there is one model, and side by side they would only wait for each other. */
export async function askTwice(question: Question, context: AskContext): Promise<void> {
  const { state } = context;
  batch(() => {
    state.none.value = { ...emptyAnswer, state: 'waiting' };
    state.persona.value = { ...emptyAnswer, state: 'waiting' };
    state.explanation.value = null;
    state.asked.value = question;
  });
  try {
    await stream({ ...question, persona: 'none' }, state.none, context);
    await stream({ ...question, persona: question.persona ?? 'auto' }, state.persona, context);
  } catch (error) {
    const ended = context.signal.aborted ? 'stopped' : 'failed';
    for (const answer of [state.none, state.persona]) {
      if (answer.value.state === 'waiting' || answer.value.state === 'streaming') {
        answer.value = { ...answer.value, state: ended };
      }
    }
    throw error;
  }
}

async function stream(request: GenerateRequest, answer: Signal<Answer>, context: AskContext): Promise<void> {
  for await (const event of context.personalizer.generate(request, { signal: context.signal })) {
    batch(() => receive(event, request, answer, context));
  }
}

function receive(event: GenerateEvent, request: GenerateRequest, answer: Signal<Answer>, context: AskContext): void {
  switch (event.type) {
    case 'progress':
      context.onProgress(event.progress);
      break;
    case 'explanation':
      if (request.persona !== 'none') context.state.explanation.value = event.explanation;
      break;
    case 'delta':
      answer.value = { ...answer.value, state: 'streaming', text: answer.value.text + event.text };
      break;
    case 'end':
      answer.value = {
        state: 'done',
        text: event.text,
        answer: event.answer,
        usage: event.usage,
        timing: event.timing,
      };
      break;
    default:
      // The engine may add events.
      event satisfies never;
  }
}
