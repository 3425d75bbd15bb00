/**
 * Which Alembic project this is: finds the ini or pyproject.toml and takes from it what Alembic would take.
 * Refuses to read revisions or env.py. Throws ChainError('no-project') where there is nothing to read.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ChainError } from '../../../errors.ts';
import type { AlembicConfig } from '../../../model/project.ts';
import { type IniFile, iniOption, parseIni } from './ini.ts';
import { findConfigsBelow, findScriptFolders } from './search.ts';
import { alembicTable, formatTomlText, type TomlTable } from './toml.ts';
import { foldersWithRevisions, relativeTo, resolveLocation, splitLocations } from './version-locations.ts';

export interface ConfigRequest {
  /** Absolute; stands for Alembic's working folder. */
  projectDir: string;
  /** `--config`, against the project. */
  config: string | null;
  /** Alembic's `-n`. */
  section: string;
  /** Settings that name the folders, against the project. */
  scriptLocation: string | null;
  versionLocations: string[] | null;
}

export function findAlembicConfig(request: ConfigRequest): AlembicConfig {
  const { projectDir } = request;
  if (!isFolder(projectDir)) {
    throw new ChainError('no-project', `${projectDir} is no folder that can be read.`, {
      hint: 'Name the project with --project DIR.',
    });
  }
  const notes: string[] = [];
  const files = chooseFiles(request, notes);
  if (files === null) return configOfSettings(request, notes);
  const options = new Options(files, request);
  return new ConfigReader(request, options, notes).read();
}

interface ConfigFiles {
  /** Absolute paths. */
  ini: string | null;
  toml: string | null;
}

/** Null: no file, but settings that name the folders. */
function chooseFiles(request: ConfigRequest, notes: string[]): ConfigFiles | null {
  const { projectDir, config } = request;
  if (config !== null) {
    const path = resolve(projectDir, config);
    if (!existsSync(path)) {
      throw new ChainError('no-project', `The configuration ${config} does not exist (looked for ${path}).`, {
        hint: 'Name an alembic.ini or a pyproject.toml, relative to --project, with --config FILE.',
      });
    }
    return /\.toml$/.test(path) ? { ini: null, toml: path } : { ini: path, toml: join(projectDir, 'pyproject.toml') };
  }
  const ini = join(projectDir, 'alembic.ini');
  const toml = join(projectDir, 'pyproject.toml');
  const hasTable = hasAlembicTable(toml);
  if (existsSync(ini)) return { ini, toml: hasTable ? toml : null };
  if (hasTable) return { ini: null, toml };
  if (request.scriptLocation !== null || request.versionLocations !== null) return null;
  const found = findConfigsBelow(projectDir);
  if (found.length === 1) {
    const path = join(projectDir, found[0]!);
    notes.push(`No alembic.ini at the top of the project: took ${found[0]}, the only one below it.`);
    return /\.toml$/.test(path) ? { ini: null, toml: path } : { ini: path, toml: null };
  }
  if (found.length > 1) {
    const more = found.length > 8 ? ` and ${found.length - 8} more` : '';
    const named = `${found.slice(0, 8).join(', ')}${more}`;
    throw new ChainError('no-project', `Several Alembic projects here, and none at the top: ${named}.`, {
      hint: `Say which: --config ${found[0]}, or --project ${dirname(found[0]!)}.`,
    });
  }
  const folders = findScriptFolders(projectDir);
  throw new ChainError(
    'no-project',
    `No Alembic project in ${projectDir}: no alembic.ini and no [tool.alembic] in a pyproject.toml.`,
    {
      hint:
        folders.length > 0
          ? `${folders.join(', ')} looks like a folder of Alembic: name it as "scriptLocation" in chain.config.json, or --config an ini that does.`
          : 'Run chain in the folder where alembic runs, or name it with --project DIR (and --config FILE).',
    },
  );
}

function hasAlembicTable(path: string): boolean {
  try {
    return /^\s*\[+\s*tool\s*\.\s*"?alembic"?\s*[.\]]/m.test(readFileSync(path, 'utf8'));
  } catch {
    return false;
  }
}

function configOfSettings(request: ConfigRequest, notes: string[]): AlembicConfig {
  const { projectDir } = request;
  const scriptLocation =
    request.scriptLocation === null ? null : relativeTo(projectDir, resolve(projectDir, request.scriptLocation));
  const versionLocations = (request.versionLocations ?? [join(request.scriptLocation ?? '.', 'versions')]).map(
    (location) => relativeTo(projectDir, resolve(projectDir, location)),
  );
  notes.push('No Alembic configuration file: the folders are those of the settings.');
  const config: AlembicConfig = {
    file: null,
    section: request.section,
    scriptLocation,
    versionLocations,
    recursive: false,
    sourceless: false,
    fileTemplate: null,
    url: null,
    importRoots: ['.'],
    notes,
  };
  requireFolders(projectDir, config, 'the settings');
  return config;
}

/** Options of the ini first, then of the toml, as Alembic's `get_alembic_option`. */
class Options {
  readonly ini: IniFile | null = null;
  readonly iniPath: string | null;
  readonly toml: TomlTable | null = null;
  readonly tomlPath: string | null;
  readonly section: string;
  private readonly iniGiven = new Map<string, string>();
  private readonly tomlGiven = new Map<string, string>();

  constructor(files: ConfigFiles, request: ConfigRequest) {
    this.section = request.section;
    this.iniPath = files.ini;
    if (files.ini !== null) {
      this.ini = parseIni(readText(files.ini));
      this.iniGiven.set('here', dirname(files.ini));
    }
    let table: TomlTable | null = null;
    if (files.toml !== null && existsSync(files.toml)) {
      try {
        table = alembicTable(readText(files.toml));
      } catch (error) {
        if (files.ini === null)
          throw new ChainError('no-project', `${files.toml} is no TOML: ${(error as Error).message.split('\n')[0]}`, {
            hint: 'Correct the file, or name an alembic.ini with --config FILE.',
          });
      }
    }
    this.toml = table;
    this.tomlPath = table === null ? null : files.toml;
    if (files.toml !== null) this.tomlGiven.set('here', dirname(files.toml));
  }

  text(name: string): string | null {
    const value = this.ini === null ? null : iniOption(this.ini, this.section, name, this.iniGiven);
    if (value !== null) return value;
    const own = this.toml?.[name];
    return typeof own === 'string' ? formatTomlText(own, this.tomlGiven) : null;
  }

  flag(name: string): boolean {
    const value = this.ini === null ? null : iniOption(this.ini, this.section, name, this.iniGiven);
    return value === null ? this.toml?.[name] === true : withoutComment(value) === 'true';
  }

  /** A list of the toml; null where it has none. */
  list(name: string): string[] | null {
    const own = this.toml?.[name];
    if (!Array.isArray(own)) return null;
    return own.filter((item) => typeof item === 'string').map((item) => formatTomlText(item, this.tomlGiven));
  }

  get hasSection(): boolean {
    return this.toml !== null || (this.ini?.sections.has(this.section) ?? false);
  }
}

class ConfigReader {
  private readonly request: ConfigRequest;
  private readonly options: Options;
  private readonly notes: string[];
  private readonly file: string;
  private readonly configDir: string;

  constructor(request: ConfigRequest, options: Options, notes: string[]) {
    this.request = request;
    this.options = options;
    this.notes = notes;
    const path = (options.iniPath ?? options.tomlPath) as string;
    this.file = relativeTo(request.projectDir, path);
    this.configDir = dirname(path);
  }

  read(): AlembicConfig {
    const { options, request } = this;
    const { projectDir } = request;
    const { sections, others } = this.sections();
    // Flask-Migrate adds the section that its ini may leave out, when it sets script_location to the ini's own folder.
    const isAdded = request.section === 'alembic' && sections.length > 0 && others.length === 0;
    if (!options.hasSection && !(isAdded && existsSync(join(this.configDir, 'env.py'))))
      this.failWithoutSection(others);
    const roots = this.importRoots();
    const written = request.scriptLocation ?? options.text('script_location') ?? this.besideEnvironment('no');
    if (written === null || written === '') {
      throw new ChainError('no-project', `${this.file} has no script_location in [${request.section}].`, {
        hint: 'Add `script_location = alembic` (the folder with env.py), or name the section with --name.',
      });
    }
    const place = (location: string, what: string): string => {
      const { path, note } = resolveLocation(location, {
        projectDir,
        configDir: this.configDir,
        importRoots: roots,
        what,
      });
      if (note !== null) this.notes.push(note);
      return path;
    };
    let script = place(written, 'script_location');
    if (
      request.scriptLocation === null &&
      script !== this.configDir &&
      !existsSync(join(script, 'env.py')) &&
      !isFolder(join(script, 'versions'))
    )
      script = this.besideEnvironment(`${written}, where no env.py stands, as`) ?? script;
    const listed = request.versionLocations ?? this.listedLocations();
    const versions =
      listed === null ? [this.defaultVersions(script)] : listed.map((item) => place(item, 'version_locations'));
    const config: AlembicConfig = {
      file: this.file,
      section: request.section,
      scriptLocation: relativeTo(projectDir, script),
      versionLocations: [...new Set(versions.map((path) => relativeTo(projectDir, path)))],
      recursive: options.flag('recursive_version_locations'),
      sourceless: options.flag('sourceless'),
      fileTemplate: options.text('file_template'),
      url: usableUrl(options.text('sqlalchemy.url')),
      importRoots: roots.map((root) => relativeTo(projectDir, root)),
      notes: this.notes,
    };
    requireFolders(projectDir, config, this.file);
    return config;
  }

  /**
   * The ini's own folder where an env.py stands beside it: Flask-Migrate's `Migrate.get_config` sets script_location to
   * the folder of its ini, whatever the ini says.
   */
  private besideEnvironment(named: string): string | null {
    if (this.options.iniPath === null || !existsSync(join(this.configDir, 'env.py'))) return null;
    this.notes.push(`${this.file} names ${named} script_location: took its own folder, as Flask-Migrate does.`);
    return this.configDir;
  }

  /**
   * `versions`, unless it holds no revision and a folder in it is PostgreSQL's own: projects for several databases keep
   * one history each and choose in env.py or in code.
   */
  private defaultVersions(script: string): string {
    const versions = join(script, 'versions');
    if (this.options.flag('recursive_version_locations')) return versions;
    const { hasRevisions, folders } = foldersWithRevisions(versions);
    if (hasRevisions || folders.length === 0) return versions;
    const shown = relativeTo(this.request.projectDir, versions);
    const own = folders.filter((name) => /^(?:postgres(?:ql)?|pg(?:sql)?)$/i.test(name));
    if (own.length === 1) {
      this.notes.push(`${shown} holds no revision itself: took its folder ${own[0]}.`);
      return join(versions, own[0]!);
    }
    this.notes.push(
      `${shown} holds no revision itself, but its folders do (${folders.join(', ')}): name them as "versionLocations" in chain.config.json, or set recursive_version_locations.`,
    );
    return versions;
  }

  /** All sections of the ini, and those of them that name a script_location. */
  private sections(): { sections: string[]; others: string[] } {
    const { ini } = this.options;
    const sections = [...(ini?.sections.keys() ?? [])];
    return { sections, others: sections.filter((name) => ini?.sections.get(name)?.has('script_location')) };
  }

  private failWithoutSection(names: readonly string[]): never {
    throw new ChainError('no-project', `${this.file} has no section [${this.request.section}].`, {
      hint:
        names.length > 0
          ? `It has ${names.map((name) => `[${name}]`).join(', ')}: name one with --name ${names[0]}.`
          : 'Name the section with --name, or another file with --config FILE.',
    });
  }

  private listedLocations(): string[] | null {
    const { options } = this;
    const written = options.ini === null ? null : options.text('version_locations');
    if (written === null || written === '' || options.list('version_locations') !== null)
      return options.list('version_locations');
    const [separator, name] =
      options.text('path_separator') !== null
        ? [options.text('path_separator'), 'path_separator']
        : [options.text('version_path_separator'), 'version_path_separator'];
    const split = splitLocations(written, separator === null ? null : withoutComment(separator));
    if (split === null) {
      throw new ChainError('no-project', `${this.file}: '${separator}' is no valid ${name}.`, {
        hint: 'Valid are os, space, newline, : and ;.',
      });
    }
    return split;
  }

  private importRoots(): string[] {
    const { projectDir } = this.request;
    const written = this.options.text('prepend_sys_path');
    const listed =
      this.options.list('prepend_sys_path') ??
      (written === null
        ? []
        : (splitLocations(written, withoutComment(this.options.text('path_separator') ?? 'legacy')) ??
          written.split(/, *| +|:/)));
    const roots = [...listed.map((item) => resolve(projectDir, item.trim())), projectDir, join(projectDir, 'src')];
    for (let folder = this.configDir; folder.startsWith(projectDir) && folder !== projectDir; folder = dirname(folder))
      roots.push(folder, join(folder, 'src'));
    return [...new Set(roots)].filter(isFolder);
  }
}

function requireFolders(projectDir: string, config: AlembicConfig, from: string): void {
  const script = config.scriptLocation === null ? null : resolve(projectDir, config.scriptLocation);
  if (script !== null && isFolder(script)) return;
  if (config.versionLocations.some((location) => isFolder(resolve(projectDir, location)))) return;
  throw new ChainError(
    'no-project',
    `The folder of revisions that ${from} names does not exist: ${config.scriptLocation ?? config.versionLocations.join(', ')}.`,
    { hint: 'script_location is relative to the folder where alembic runs: name that folder with --project DIR.' },
  );
}

/** Alembic's own template of 2022 writes a comment behind the value, which ConfigParser takes for a part of it. */
function withoutComment(value: string): string {
  return value.replace(/\s+[#;].*$/s, '').trim();
}

/** The URL of Alembic's template stands for nothing. */
function usableUrl(url: string | null): string | null {
  const text = url?.trim() ?? '';
  return text === '' || /^driver:\/\/|:\/\/user:pass@localhost\/dbname$/.test(text) ? null : text;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ChainError('cannot-read', `${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`, {
      hint: 'Check the permissions of the file.',
    });
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
