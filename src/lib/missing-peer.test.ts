import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { missingPeer } from './missing-peer.ts';

test.each(['@jax-js/jax', '@mlc-ai/web-llm', 'onnxruntime-web'] as const)(
  'the error of a missing %s names the release of package.json',
  (name) => {
    const cause = new Error('Cannot find module');
    const error = missingPeer(name, cause);
    expect(error).toMatchObject({ code: 'runtime-failed', cause, details: { package: name } });
    expect(error.message).toContain(`npm install ${name}@${packageJson.peerDependencies[name]})`);
  },
);
