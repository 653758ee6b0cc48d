// The public entries of the package, as the demo and its tests import them: from the sources, so that nothing is built before.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** For vite's `resolve.alias`: every entry that package.json exports, and nothing else of the package. */
export function packageEntries(): { find: RegExp; replacement: string }[] {
  return Object.entries(packageJson.exports).flatMap(([entry, target]) => {
    if (typeof target === 'string') return [];
    const source = target.types.replace(/^\.\/dist\/types\//u, 'src/').replace(/\.d\.ts$/u, '.ts');
    return [{ find: new RegExp(`^persona-plug${entry.slice(1)}$`, 'u'), replacement: path.join(repository, source) }];
  });
}
