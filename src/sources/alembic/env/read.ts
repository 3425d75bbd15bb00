/**
 * What a project's env.py sets, read statically: the version table, filters, the search path, the metadata that the
 * models hang on. Runs nothing; what it cannot follow stays null and is named in the notes.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AlembicConfig, EnvFacts, NamingConvention } from '../../../model/project.ts';
import type { ModelFiles } from '../../../model/replay.ts';
import { iniOption, parseIni } from '../config/ini.ts';
import type { Expression } from '../python/index.ts';
import { type CodeModule, dottedName, type FoldContext, ProjectCode } from './code.ts';
import { importRoots } from './import-roots.ts';
import { type MetadataFound, MetadataReader } from './metadata.ts';
import { findModelFiles, importClosure, loadedModelFiles, pythonFiles } from './model-files.ts';
import { everyExpression, type Visited } from './walk.ts';

export interface EnvRequest {
  projectDir: string;
  config: AlembicConfig;
  /** From the settings; both go before what is found. */
  models: readonly string[] | null;
  namingConvention: NamingConvention | null;
}

export interface EnvReading {
  env: EnvFacts;
  /** What was taken, and what could not be followed, in words. */
  notes: string[];
  /** Where Python finds modules of the project, in its order; relative to the project. */
  importRoots: string[];
  /** Walks all that env.py loads: found when first asked for. */
  findModels(): ModelFiles;
  /** Files of models among all that env.py and this revision's file load. */
  modelsLoadedWith(revision: string): readonly string[];
}

type Call = Extract<Expression, { kind: 'call' }>;

export function readEnvFacts(request: EnvRequest): EnvReading {
  return new EnvReader(request).read();
}

class EnvReader {
  private readonly request: EnvRequest;
  private readonly roots: string[];
  private readonly code: ProjectCode;
  private readonly metadata: MetadataReader;
  private readonly notes: string[] = [];
  private found: ModelFiles | null = null;
  private targets: MetadataFound[] | null = null;
  private readonly option: (name: string) => string | null;

  constructor(request: EnvRequest) {
    this.request = request;
    this.roots = importRoots(request.projectDir, request.config);
    this.code = new ProjectCode(request.projectDir, this.roots);
    this.metadata = new MetadataReader(this.code);
    this.option = optionReader(request);
  }

  read(): EnvReading {
    const { config } = this.request;
    const file =
      config.scriptLocation === null
        ? null
        : `${config.scriptLocation === '.' ? '' : `${config.scriptLocation}/`}env.py`;
    const module = file === null ? null : this.code.module(file);
    if (module === null)
      this.notes.push(file === null ? 'No env.py: no script_location is known.' : `${file} could not be read.`);
    const env = this.defaults(module === null ? null : file);
    if (module !== null) this.readModule(module, env);
    this.naming(module, env);
    return {
      env,
      notes: [...new Set(this.notes)],
      importRoots: this.roots,
      findModels: () => this.findModels(module),
      modelsLoadedWith: (revision) => this.modelsLoadedWith(module, revision),
    };
  }

  private defaults(file: string | null): EnvFacts {
    return {
      file,
      versionTable: 'alembic_version',
      versionTableSchema: null,
      versionWidth: null,
      includeSchemas: false,
      filtersObjects: false,
      searchPath: null,
      namingConvention: null,
      targetMetadata: null,
      transactionPerMigration: false,
    };
  }

  private readModule(module: CodeModule, env: EnvFacts): void {
    let target: { expression: Expression; locals: ReadonlyMap<string, Expression> } | null = null;
    for (const visited of everyExpression(module.statements)) {
      const { expression } = visited;
      if (expression.kind === 'call' && /(?:^|\.)configure$/.test(dottedName(expression.callee) ?? ''))
        target = this.readConfigure(module, expression, visited, env) ?? target;
      if (env.searchPath === null) env.searchPath = this.searchPathOf(module, visited);
    }
    env.versionWidth = versionWidthOf(module.text);
    // `target_metadata` is the name of Alembic's own template, wherever configure() takes it from.
    target ??= module.bindings.has('target_metadata')
      ? { expression: { kind: 'name', name: 'target_metadata', from: 0, to: 0 }, locals: new Map() }
      : null;
    if (target === null) return;
    const expression =
      target.expression.kind === 'name'
        ? (target.locals.get(target.expression.name) ?? target.expression)
        : target.expression;
    if (this.code.fold(module, expression) === null) {
      this.notes.push(`${module.file} sets target_metadata to None.`);
      env.hasNoTargetMetadata = true;
      return;
    }
    // What env.py adds to it by hand may be anybody's.
    const isAddedTo = /\.(?:_add_table|to_?metadata)\s*\(/.test(module.text);
    this.targets = isAddedTo ? null : this.metadata.findEach(module, expression);
    const found = this.metadata.find(module, expression);
    if (found === null) {
      this.notes.push(`target_metadata of ${module.file} could not be followed to where it is made.`);
      return;
    }
    env.targetMetadata = `${found.outsideModule ?? this.code.moduleName(found.module.file)}:${found.attribute}`;
    env.namingConvention =
      found.naming ??
      this.metadata.assignedNaming(found.module) ??
      this.metadata.assignedNaming(module) ??
      this.namingAssignedElsewhere(module, found);
    if (found.hasUnknownNaming) this.notes.push(`The naming convention of ${env.targetMetadata} could not be read.`);
  }

  /** `SQLModel.metadata.naming_convention = {…}`: a metadata of a package is given its convention wherever that is loaded. */
  private namingAssignedElsewhere(module: CodeModule, found: MetadataFound): NamingConvention | null {
    if (found.outsideModule === undefined) return null;
    for (const file of importClosure(this.code, module)) {
      if (this.code.text(file)?.includes('.naming_convention') !== true) continue;
      const other = this.code.module(file);
      const naming = other === null ? null : this.metadata.assignedNaming(other, found.attribute);
      if (naming !== null) return naming;
    }
    return null;
  }

  private readConfigure(
    module: CodeModule,
    call: Call,
    { locals }: Visited,
    env: EnvFacts,
  ): { expression: Expression; locals: ReadonlyMap<string, Expression> } | null {
    const context: FoldContext = { locals, option: this.option };
    let target: Expression | null = null;
    for (const [name, value] of this.namedArguments(module, call, locals)) {
      const folded = this.code.fold(module, value, context);
      const isUnknown = folded === undefined;
      switch (name) {
        case 'target_metadata':
          target = value;
          break;
        case 'version_table':
          if (typeof folded === 'string' && folded !== '') env.versionTable = folded;
          else if (isUnknown)
            this.notes.push(`version_table of ${module.file} is only known when it runs; alembic_version is assumed.`);
          break;
        case 'version_table_schema':
          if (typeof folded === 'string' && folded !== '') env.versionTableSchema = folded;
          else if (isUnknown) this.notes.push(`version_table_schema of ${module.file} is only known when it runs.`);
          break;
        case 'include_schemas':
          // A function or a name that is not known filters: schemas are included.
          if (folded !== false && folded !== null) env.includeSchemas = true;
          break;
        case 'include_name':
        case 'include_object':
        case 'include_symbol':
          if (folded !== null) env.filtersObjects = true;
          break;
        case 'transaction_per_migration':
          if (folded === true) env.transactionPerMigration = true;
          break;
      }
    }
    return target === null ? null : { expression: target, locals };
  }

  /** Keywords of a call, those of a dictionary given with `**` too. */
  private *namedArguments(
    module: CodeModule,
    call: Call,
    locals: ReadonlyMap<string, Expression>,
  ): Generator<[string, Expression]> {
    for (const argument of call.args) {
      if (argument.kind === 'named' && argument.name !== null) yield [argument.name, argument.value];
      if (argument.kind !== 'doubleStar') continue;
      let value: Expression | undefined = argument.value;
      if (value.kind === 'name') {
        const found = this.code.define(module, value.name);
        value = locals.get(value.name) ?? (found?.binding.kind === 'value' ? found.binding.expression : undefined);
      }
      if (value?.kind === 'dict') {
        for (const item of value.items) {
          const key = item.key === null ? undefined : this.code.fold(module, item.key);
          if (typeof key === 'string') yield [key, item.value];
        }
      } else if (value?.kind === 'call' && dottedName(value.callee) === 'dict')
        yield* this.namedArguments(module, value, locals);
    }
  }

  /** `SET search_path TO …`, `options=-csearch_path=…`. */
  private searchPathOf(module: CodeModule, { expression, locals }: Visited): string[] | null {
    if (expression.kind !== 'constant' && expression.kind !== 'format' && expression.kind !== 'binary') return null;
    const text = this.code.fold(module, expression, { locals, option: this.option });
    if (typeof text !== 'string' || !/search_path/i.test(text)) return null;
    const match =
      /\bset\s+(?:session\s+|local\s+)?search_path\s*(?:to|=)\s*([^;]+)/i.exec(text) ??
      /-c\s*search_path\s*=\s*(\S+)/i.exec(text);
    if (match === null) return null;
    const path = match[1]!
      .split(/\s*,\s*/)
      .map((item) => item.trim().replace(/^(["'])(.*)\1$/, '$2'))
      .filter((item) => item !== '' && item !== '$user' && !/^%|^:|\{/.test(item));
    return path.length > 0 ? path : null;
  }

  private findModels(module: CodeModule | null): ModelFiles {
    const { models, config } = this.request;
    // Models that the settings name are the chain's, whatever they hang on.
    if (models !== null) return { files: models.flatMap((entry) => this.filesOfEntry(entry)), bases: null, notes: [] };
    this.found ??= { ...findModelFiles(this.code, module, config), bases: this.bases() };
    return this.found;
  }

  private modelsLoadedWith(module: CodeModule | null, revision: string): readonly string[] {
    if (this.request.models !== null) return this.findModels(module).files;
    const starts = [module, this.code.module(revision)].filter((each) => each !== null);
    return loadedModelFiles(this.code, starts, this.request.config);
  }

  private bases(): ModelFiles['bases'] {
    const bases: { file: string; name: string }[] = [];
    for (const { module, attribute, outsideModule } of this.targets ?? []) {
      if (outsideModule !== undefined && this.isOutside(outsideModule, module.file)) continue;
      if (outsideModule !== undefined || !attribute.endsWith('.metadata')) return null;
      bases.push({ file: module.file, name: attribute.slice(0, -'.metadata'.length) });
    }
    return bases.length > 0 ? bases : null;
  }

  /** No folder and no file of the project has the name of its package. */
  private isOutside(module: string, from: string): boolean {
    const [top] = module.split('.') as [string];
    return this.code.fileOfModule(top, 0, from) === null && this.code.folderOfModule(top, 0, from) === null;
  }

  /** A settings entry is a file, a folder or a dotted module. */
  private filesOfEntry(entry: string): string[] {
    if (entry.endsWith('.py')) return [entry];
    const file = this.code.fileOfModule(entry, 0, '.');
    if (file !== null)
      return file.endsWith('__init__.py') ? pythonFiles(this.request.projectDir, dirname(file), true) : [file];
    return existsSync(join(this.request.projectDir, entry)) ? pythonFiles(this.request.projectDir, entry, true) : [];
  }

  /** The settings' convention; else the one behind target_metadata; else the only one that the models' files hold. */
  private naming(module: CodeModule | null, env: EnvFacts): void {
    if (this.request.namingConvention !== null) {
      env.namingConvention = this.request.namingConvention;
      return;
    }
    if (env.namingConvention !== null || env.targetMetadata !== null || env.hasNoTargetMetadata) return;
    const conventions = new Map<string, { naming: NamingConvention; file: string }>();
    const candidates = new Set([
      ...(module === null ? [] : [module.file]),
      ...this.findModels(module).files,
      ...pythonFiles(this.request.projectDir, '.', true),
    ]);
    for (const file of candidates) {
      if (!this.code.text(file)?.includes('naming_convention')) continue;
      const other = this.code.module(file);
      if (other === null) continue;
      for (const { expression } of everyExpression(other.statements)) {
        if (expression.kind !== 'call' || (dottedName(expression.callee) ?? '').split('.').pop() !== 'MetaData')
          continue;
        const { naming } = this.metadata.namingOfMetadata(other, expression);
        if (naming !== null) conventions.set(JSON.stringify(naming), { naming, file });
      }
      const assigned = this.metadata.assignedNaming(other);
      if (assigned !== null) conventions.set(JSON.stringify(assigned), { naming: assigned, file });
    }
    if (conventions.size === 1) {
      const [only] = conventions.values();
      env.namingConvention = only!.naming;
      env.isNamingGuessed = true;
      this.notes.push(`Took the naming convention of ${only!.file}, the only one in the project.`);
    } else if (conventions.size > 1)
      this.notes.push('Several naming conventions in the project: name one in the settings.');
  }
}

/** Where env.py or a helper in it widens `version_num`. */
function versionWidthOf(text: string): number | null {
  const code = text.replace(/^[ \t]*#.*$/gm, '');
  const match =
    /version_num["']\s*,\s*(?:\w+\.)*(?:String|VARCHAR|Unicode)\s*\(\s*(?:length\s*=\s*)?(\d+)/i.exec(code) ??
    /version_num\.type\s*=\s*(?:\w+\.)*(?:String|VARCHAR|Unicode)\s*\(\s*(?:length\s*=\s*)?(\d+)/i.exec(code) ??
    /version_num["']?\s+(?:set\s+data\s+)?(?:type\s+)?(?:varchar|character\s+varying)\s*\(\s*(\d+)/i.exec(code);
  return match === null ? null : Number(match[1]);
}

function optionReader({ projectDir, config }: EnvRequest): (name: string) => string | null {
  if (config.file === null || config.file.endsWith('.toml')) return () => null;
  try {
    const path = join(projectDir, config.file);
    const file = parseIni(readFileSync(path, 'utf8'));
    const given = new Map([['here', dirname(path)]]);
    return (name) => iniOption(file, config.section, name, given);
  } catch {
    return () => null;
  }
}
