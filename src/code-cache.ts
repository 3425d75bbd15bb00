/**
 * Starts the built files from V8's code cache, as Python starts from `.pyc` files: the build compiles each file once and
 * leaves the bytecode beside it, so that a run does not compile what it loads again. Bytecode fits one V8, one kind of
 * machine and one set of V8 flags, which V8 sees to; of the source it looks at no more than the length, so each cache begins
 * with the source it was made of. Where anything differs, the file itself is compiled as if there were no cache.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { spareCompilers } from './v8-flags.ts';

const extension = '.cache';

/** Loads a built file by its name in `folder`, and what it requires of there, each once. Throws as `require` does. */
export function loaderOf(folder: string): (name: string) => unknown {
  spareCompilers();
  const requireOther = createRequire(join(folder, 'package.json'));
  const loaded = new Map<string, { exports: unknown }>();
  const load = (name: string): unknown => {
    const known = loaded.get(name);
    if (known) return known.exports;
    const module = { exports: {} };
    loaded.set(name, module);
    const filename = join(folder, name);
    const source = readFileSync(filename);
    const script = scriptOf(filename, source, cached(folder, name, source));
    const require = (id: string) => (id.startsWith('./') ? load(id.slice(2)) : requireOther(id));
    script.runInThisContext()(module.exports, require, module, filename, folder);
    return module.exports;
  };
  return load;
}

/** Compiles every built file in `folder`, each function of it. For the build, in a process that does nothing else. */
export function writeCodeCache(folder: string): void {
  spareCompilers();
  const target = cacheFolder(folder);
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.js'))) {
    const source = readFileSync(join(folder, name));
    // What Node itself starts.
    if (source.toString('latin1', 0, 2) === '#!') continue;
    setFlagsFromString('--no-lazy');
    const script = scriptOf(join(folder, name), source);
    // Flags are a part of what must agree.
    setFlagsFromString('--lazy');
    const data = script.createCachedData();
    writeFileSync(join(target, name + extension), Buffer.concat([source, data]));
  }
}

/** What the build left for a file as it stands; undefined where that is nothing, or of another source. */
function cached(folder: string, name: string, source: Buffer): Buffer | undefined {
  let file: Buffer;
  try {
    file = readFileSync(join(cacheFolder(folder), name + extension));
  } catch {
    return undefined;
  }
  return file.subarray(0, source.length).equals(source) ? file.subarray(source.length) : undefined;
}

function scriptOf(filename: string, source: Buffer, cachedData?: Buffer): Script {
  const text = `(function (exports, require, module, __filename, __dirname) {${source.toString()}\n})`;
  return new Script(text, { filename, cachedData });
}

function cacheFolder(folder: string): string {
  return join(folder, 'code-cache', `${process.platform}-${process.arch}`);
}
