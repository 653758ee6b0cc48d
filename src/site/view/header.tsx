import type { DemoProps } from './app.tsx';

/** The name, the promise, and the number that proves it. */
export function Header({ demo }: DemoProps) {
  const foreign = demo.state.foreignRequests.value.length;
  return (
    <header class="masthead">
      <img src="/favicon.svg" alt="" width="40" height="40" />
      <div>
        <h1>persona-plug</h1>
        <p class="quiet">A language model that knows your hand, and keeps it to itself.</p>
      </div>
      <a class={foreign === 0 ? 'seal' : 'seal is-broken'} href="#requests">
        <strong>{foreign}</strong> requests to other origins
      </a>
    </header>
  );
}
