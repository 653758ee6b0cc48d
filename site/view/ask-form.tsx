import { useLayoutEffect, useRef } from 'preact/hooks';
import { taskTitle } from '../format.ts';
import { ignoreFailure } from '../ignore-failure.ts';
import { exampleInputs } from '../sample-histories.ts';
import type { DemoProps } from './demo-props.ts';
import { RetrievalChoice } from './retrieval-choice.tsx';

export function AskForm({ demo }: DemoProps) {
  const { state } = demo;
  const isReady = state.phase.value === 'ready';
  const example = exampleInputs[state.task.value];
  const ask = (): void => {
    if (!isReady || state.input.value.trim() === '') return;
    const { task, input, retrieval } = state;
    const earlier = retrieval.value === null ? {} : { retrieval: retrieval.value };
    ignoreFailure(demo.ask({ task: task.value, input: input.value, ...earlier }));
  };
  return (
    <form
      class="card ask"
      // Neither form filling nor a spell checker in the cloud may ask a server about what is typed here.
      autocomplete="off"
      aria-labelledby="ask-title"
      onSubmit={(event) => {
        event.preventDefault();
        ask();
      }}
    >
      <div class="row spread">
        <h2 id="ask-title">Something new</h2>
        <label class="row task">
          <span class="quiet">Task</span>
          <select value={state.task.value} onChange={(event) => (state.task.value = event.currentTarget.value)}>
            {state.tasks.value.map((task) => (
              <option key={task} value={task} selected={task === state.task.value}>
                {taskTitle(task)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <label class="visually-hidden" for="input">
        The new input
      </label>
      <textarea
        id="input"
        autocomplete="off"
        spellcheck={false}
        rows={5}
        value={state.input.value}
        placeholder="Paste an article, an abstract, a draft …"
        onInput={(event) => (state.input.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) ask();
        }}
      />
      <RetrievalChoice demo={demo} />
      <div class="row">
        <ActionButton demo={demo} isDisabled={!isReady || state.input.value.trim() === ''} />
        {example !== undefined && (
          <button type="button" class="plain" onClick={() => (state.input.value = example)}>
            Use an example
          </button>
        )}
        <span class="quiet hint">
          <kbd>Ctrl</kbd> <kbd>Enter</kbd>
        </span>
      </div>
    </form>
  );
}

/** Ask, or stop. Two elements, not one with two meanings: a click on Stop that comes late must not ask again. */
function ActionButton({ demo, isDisabled }: DemoProps & { readonly isDisabled: boolean }) {
  const { isAsking } = demo.state;
  const button = useRef<HTMLButtonElement>(null);
  const hadFocus = useRef(false);
  // The keyboard stays where it was when one button takes the other's place.
  useLayoutEffect(() => {
    if (hadFocus.current) button.current?.focus();
  }, [isAsking.value]);
  const focus = { onFocus: () => (hadFocus.current = true), onBlur: () => (hadFocus.current = false) };
  return isAsking.value ? (
    <button key="stop" ref={button} type="button" class="primary" {...focus} onClick={() => demo.stop()}>
      Stop
    </button>
  ) : (
    <button key="ask" ref={button} type="submit" class="primary" {...focus} disabled={isDisabled}>
      Answer twice
    </button>
  );
}
