/**
 * What users start: `src` in some dozens of files instead of hundreds, and yargs in one of them, because finding and loading
 * each file is most of a short run. Every other package stays where npm puts it. The files are CommonJS, because only of
 * that Node takes a code cache (src/code-cache.ts).
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { join } from 'node:path';
import { defineConfig } from 'rolldown';

const bundled = new Set(['yargs']);

/** What a package asks of those who hand it on, beside the code. */
const licences = {
  name: 'licences',
  generateBundle(_options, chunks) {
    const folders = new Set();
    for (const id of Object.values(chunks).flatMap((chunk) => chunk.moduleIds ?? [])) {
      const folder = /^.*node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id)?.[0];
      if (folder) folders.add(folder);
    }
    const texts = [...folders].sort().map((folder) => {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
      if (!file) throw new Error(`${name} has no licence file`);
      return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    });
    this.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source: [...new Set(texts)].join('\n---\n\n') });
  },
};

/**
 * How wide a text is, for the help of yargs: as the tables measure it. The packages' own ask Node for its tables of all
 * scripts at once, which takes a seventh of a short run.
 */
const stringWidth = {
  name: 'string-width',
  resolveId: (id) => (id === 'string-width' ? createRequire(import.meta.resolve('cli-table3')).resolve(id) : null),
};

/** npm marks a command as one when it links it, which a later build would undo. */
const executable = {
  name: 'executable',
  writeBundle: ({ dir }) => chmodSync(join(dir, 'cli.js'), 0o755),
};

const moduleType = {
  name: 'module-type',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: 'package.json', source: '{ "type": "commonjs" }\n' });
  },
};

/** By a process of its own, which is under none of the flags of this one. */
const codeCache = {
  name: 'code-cache',
  writeBundle({ dir }) {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const write = "require('./code-cache.js').writeCodeCache(process.cwd())";
    execFileSync(process.execPath, ['--eval', write], { cwd: dir, env, stdio: 'inherit' });
  },
};

export default defineConfig({
  input: {
    cli: 'src/start.ts',
    main: 'src/cli.ts',
    'code-cache': 'src/code-cache.ts',
    // By themselves for benchmarks, and for tests that need a process of their own.
    database: 'src/database/index.ts',
    repair: 'src/repair/index.ts',
  },
  platform: 'node',
  external: (id, importer) =>
    isBuiltin(id) || (/^[@\w][^:]*$/.test(id) && !bundled.has(id) && !/node_modules/.test(importer ?? '')),
  // yargs asks `import.meta` only where a configuration extends another, which none of ours does.
  checks: { ineffectiveDynamicImport: false, emptyImportMeta: false },
  plugins: [stringWidth, licences, executable, moduleType, codeCache],
  output: {
    dir: 'dist',
    cleanDir: true,
    format: 'cjs',
    dynamicImportInCjs: false,
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
  },
});
