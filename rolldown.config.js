/**
 * What users start: `src` in some dozens of files instead of hundreds, and yargs in one of them, because finding and loading
 * each file is most of a short run. Every other package stays where npm puts it.
 */
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
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

/** npm marks a command as one when it links it, which a later build would undo. */
const executable = {
  name: 'executable',
  writeBundle: ({ dir }) => chmodSync(join(dir, 'cli.js'), 0o755),
};

export default defineConfig({
  // `database` and `repair` by themselves are for benchmarks, and for tests that need a process of their own.
  input: { cli: 'src/cli.ts', database: 'src/database/index.ts', repair: 'src/repair/index.ts' },
  platform: 'node',
  external: (id, importer) =>
    isBuiltin(id) || (/^[@\w][^:]*$/.test(id) && !bundled.has(id) && !/node_modules/.test(importer ?? '')),
  checks: { ineffectiveDynamicImport: false },
  plugins: [licences, executable],
  output: { dir: 'dist', cleanDir: true, entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
});
