import { countForeign } from '../watch-requests.ts';
import type { DemoProps } from './demo-props.ts';

/** The name, what it does, and how many requests went to other origins. */
export function Header({ demo }: DemoProps) {
  const { sent, blocked } = countForeign(demo.state.foreignRequests.value);
  return (
    <header class="masthead">
      <img src="/favicon.svg" alt="" width="40" height="40" />
      <div>
        <h1>persona-plug</h1>
        <p class="quiet">A language model that writes like you. Your texts stay in this browser.</p>
      </div>
      <a class={sent + blocked === 0 ? 'seal' : 'seal is-broken'} href="#requests">
        <strong>{sent}</strong> requests to other origins{blocked > 0 && `, ${blocked} blocked`}
      </a>
    </header>
  );
}
