import { expect, it } from 'vitest';
import { addForeign, countForeign, type ForeignRequest } from './watch-requests.ts';

const blocked: ForeignRequest = { where: 'worker', url: 'http://other/x', isBlocked: true, by: 'connect-src' };
const echo: ForeignRequest = { where: 'worker', url: 'http://other/x', isBlocked: false, by: 'fetch' };

it('counts a blocked request once, in whichever order it is told of', () => {
  expect(addForeign(addForeign([], blocked), echo)).toEqual([blocked]);
  expect(addForeign(addForeign([], echo), blocked)).toEqual([blocked]);
});

it('keeps a request that was sent, and one of the same address in the other scope', () => {
  const inPage: ForeignRequest = { ...echo, where: 'page' };
  const all = addForeign(addForeign([], inPage), blocked);
  expect(all).toEqual([inPage, blocked]);
  expect(countForeign(all)).toEqual({ sent: 1, blocked: 1 });
});

it('knows the echo of a blocked frame, whose violation names the origin alone', () => {
  const frame: ForeignRequest = { where: 'page', url: 'http://other', isBlocked: true, by: 'frame-src' };
  const sent: ForeignRequest = { where: 'page', url: 'http://other/frame', isBlocked: false, by: 'iframe' };
  expect(addForeign(addForeign([], sent), frame)).toEqual([frame]);
  expect(addForeign(addForeign([], frame), sent)).toEqual([frame]);
});
