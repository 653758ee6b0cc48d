// A vite plugin: serves the model packages of a folder at /models/<name>/resolve/<revision>/<file>, where the revision
// is a hash of the manifest, and writes the same tree into the build.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import type { Connect, Plugin } from 'vite';
import {
  filesOfPackage,
  findModelPackages,
  modelIndex,
  modelsFolder,
  publishModelPackages,
} from '../../scripts/model-packages.mjs';

const contentTypes: Readonly<Record<string, string>> = {
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.md': 'text/markdown; charset=utf-8',
};

interface ModelFile {
  readonly content: string | { readonly location: string };
  readonly type: string;
  readonly cacheControl: string;
}

export interface ModelFilesOptions {
  /** @defaultValue PERSONA_PLUG_MODELS, else `models/` */
  readonly folders?: readonly string[];
  /** Writes the packages into the build. @defaultValue true */
  readonly copy?: boolean;
}

export function modelFiles({ folders = [modelsFolder()], copy = true }: ModelFilesOptions = {}): Plugin {
  let outputFolder = '';
  return {
    name: 'persona-plug:model-files',
    configResolved(config) {
      outputFolder = path.resolve(config.root, config.build.outDir);
    },
    configureServer: ({ middlewares }) => void middlewares.use('/models', serve(folders)),
    configurePreviewServer: ({ middlewares }) => void middlewares.use('/models', serve(folders)),
    async writeBundle() {
      if (copy) await publishModelPackages(await findModelPackages(...folders), path.join(outputFolder, 'models'));
    },
  };
}

function serve(folders: readonly string[]): Connect.NextHandleFunction {
  const handle = async (...[request, response, next]: Parameters<Connect.NextHandleFunction>): Promise<void> => {
    try {
      await respond(folders, request, response);
    } catch (error) {
      next(error);
    }
  };
  return (request, response, next) => void handle(request, response, next);
}

async function respond(folders: readonly string[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    return;
  }
  const file = await find(folders, new URL(request.url ?? '/', 'http://localhost').pathname);
  const size = typeof file?.content === 'object' ? await stat(file.content.location).catch(() => null) : null;
  if (file === null || (typeof file.content === 'object' && size === null)) {
    response.writeHead(404, { 'Content-Type': 'text/plain' }).end('There is no such model file.\n');
    return;
  }
  const length = typeof file.content === 'string' ? Buffer.byteLength(file.content) : (size?.size ?? 0);
  response.writeHead(200, {
    'Content-Type': file.type,
    'Content-Length': length,
    'Cache-Control': file.cacheControl,
  });
  if (request.method === 'HEAD') response.end();
  else if (typeof file.content === 'string') response.end(file.content);
  else {
    const stream = createReadStream(file.content.location);
    stream.on('error', (error) => response.destroy(error));
    response.on('close', () => stream.destroy());
    stream.pipe(response);
  }
}

/** Only what a manifest lists is served, so no path can lead out of the folder. */
async function find(folders: readonly string[], pathname: string): Promise<ModelFile | null> {
  const packages = await findModelPackages(...folders);
  if (pathname === '/index.json') {
    return { content: JSON.stringify(modelIndex(packages)), type: 'application/json', cacheControl: 'no-cache' };
  }
  const [, name, revision, file] = /^\/([^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
  const found = packages.find((candidate) => candidate.name === name && candidate.revision === revision);
  if (found === undefined || file === undefined) return null;
  if (file !== 'manifest.json' && !filesOfPackage(found).some((listed) => listed.path === file)) return null;
  return {
    content: { location: path.join(found.folder, file) },
    type: contentTypes[path.extname(file)] ?? 'application/octet-stream',
    cacheControl: 'public, max-age=31536000, immutable',
  };
}
