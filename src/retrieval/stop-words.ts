// English words that occur in everybody's texts and so are left out of a profile.

export const stopWords: ReadonlySet<string> = new Set(
  `a about after again against all also am an and any are as at be because been before being below between both but by can
  could did do does doing down during each even every few for from further get had has have having he her here hers him his how
  i if in into is it its it's just like may me might more most much must my new no nor not now of off on once one only or other
  our ours out over own said same she should so some such than that the their theirs them then there these they this those
  through to too under until up upon us using very via was we were what when where which while who whom whose why will with
  would you your yours`.split(/\s+/u),
);
