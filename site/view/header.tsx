import { countForeign } from '../watch-requests.ts';
import type { DemoProps } from './demo-props.ts';

/** The name, the promise, and the number that proves it. */
export function Header({ demo }: DemoProps) {
  const { sent, blocked } = countForeign(demo.state.foreignRequests.value);
  return (
    <header class="masthead">
      <img src="/favicon.svg" alt="" width="40" height="40" />
      <div>
        <h1>persona-plug</h1>
        <p class="quiet">A language model that knows your hand, and keeps it to itself.</p>
      </div>
      <a class={sent + blocked === 0 ? 'seal' : 'seal is-broken'} href="#requests">
        <strong>{sent}</strong> requests to other origins{blocked > 0 && `, ${blocked} blocked`}
      </a>
    </header>
  );
}
