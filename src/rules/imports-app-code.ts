/**
 * A revision uses the application's model classes, which move on while the revision should stay as it was. Only classes that
 * are known to be models count: types, constants and configuration are imported for good reasons too.
 */
import type { CodeImport } from '../model/revision-code.ts';
import { advice, defineRule, type RuleInputs } from './rule.ts';

export default defineRule({
  id: 'imports-app-code',
  title: "a revision uses the application's models",
  severity: 'warning',
  needs: ['graph', 'code', 'models'],
  docs: {
    problem:
      "A revision imports model classes of the application, which describe today's tables and not those of its time.",
    consequence:
      'Once a model gains a column or is renamed, the old revision fails on a fresh database, or writes something else than it did.',
    repair: 'Write the few columns that it needs into the revision itself: `sa.table("users", sa.column("id"))`.',
  },
  *check({ graph, code, models }) {
    for (const id of graph.order) {
      const revision = graph.revisions.get(id);
      if (revision === undefined) continue;
      const imports = code.get(id)?.readImports((one) => modelsIn(one, models).length > 0) ?? [];
      const used = imports.flatMap((one) =>
        modelsIn(one, models).map((name) => ({ name, line: one.line, module: one.module })),
      );
      const [first] = used;
      if (first === undefined) continue;
      const names = [...new Set(used.map(({ name }) => name))].sort();
      yield {
        subject: { kind: 'revision', name: id, revision: id, file: revision.file, line: first.line },
        message: `${id} uses ${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''} of the application; once a model changes, this revision does something else, or fails on a fresh database.`,
        evidence: used.slice(0, 5).map(({ name, line, module }) => ({
          origin: 'declared' as const,
          text: `${name} from ${module}`,
          file: revision.file,
          line,
        })),
        remedy: advice(`Write the columns it needs into ${revision.file}: sa.table("…", sa.column("…"))`, 'file-edit'),
      };
    }
  },
});

function modelsIn(taken: CodeImport, models: RuleInputs['models']): string[] {
  const { names } = taken;
  // A whole module tells nothing of what is used of it.
  if (names === null || taken.module === '') return [];
  const path = taken.module.replace(/^\.+/, '').split('.').join('/');
  const found: string[] = [];
  for (const definitions of models.reading.definitionsByTable.values()) {
    for (const { file, name } of definitions) {
      if (!names.includes(name)) continue;
      const module = file.replace(/(?:\/__init__)?\.py$/, '');
      // The class's own module, or a package above it that hands it on.
      if (`/${module}/`.includes(`/${path}/`)) found.push(name);
    }
  }
  return found;
}
