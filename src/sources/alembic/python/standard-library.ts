/**
 * What migrations use of Python's standard library, as far as it can be known without running: paths, environment, text,
 * functional tools. Time, randomness, processes and networks are Unknown by nature.
 * Longer than most files here: one function after the other, each in a line or a few.
 */
import { callValue } from './calls.ts';
import { newDict, newList, setKey, toItems } from './containers.ts';
import { dateCall } from './dates.ts';
import { reasonOf } from './expressions.ts';
import { strOf } from './formatting.ts';
import { iterationCall } from './iteration.ts';
import type { Machine } from './machine.ts';
import { loadModule, meetAbsence } from './modules.ts';
import { globAt, makePath, normalisePath, openAt, pathText, readAt } from './paths.ts';
import {
  type Arguments,
  assumed,
  external,
  float,
  integerOf,
  isObject,
  isUnknown,
  newMade,
  plain,
  textOf,
  tuple,
  unknown,
  type Value,
} from './values.ts';

/** Roots whose calls have no effect on a database. */
const harmlessRoots = new Set(
  `__future__ abc argparse asyncio base64 binascii builtins calendar collections concurrent configparser contextlib copy csv datetime decimal
  dataclasses enum fnmatch functools gc getpass glob hashlib hmac html importlib inspect io itertools json logging math numbers operator os
  pathlib pickle platform pprint queue random re secrets shutil signal socket string struct sys tempfile textwrap threading time
  timeit traceback types typing typing_extensions unicodedata urllib uuid warnings weakref zlib zoneinfo strenum pytz dateutil pydantic
  pydantic_settings attr attrs loguru structlog sentry_sdk tqdm dotenv rich click six requests httpx cryptography bcrypt passlib yaml
  opentelemetry ulid shortuuid faker slugify markdown numpy orjson logfire ddtrace nanoid snowflake sqlparse tomllib toml`.split(
    /\s+/,
  ),
);

export function isHarmless(path: string): boolean {
  return harmlessRoots.has(path.split('.')[0] as string);
}

const logLevels: Record<string, number> = {
  CRITICAL: 50,
  FATAL: 50,
  ERROR: 40,
  WARNING: 30,
  WARN: 30,
  INFO: 20,
  DEBUG: 10,
  NOTSET: 0,
};

export function standardAttribute(machine: Machine, path: string): Value | undefined {
  const level = /^logging\.([A-Z]+)$/.exec(path)?.[1];
  if (level !== undefined) return logLevels[level];
  switch (path) {
    case 'typing.TYPE_CHECKING':
      return false;
    case 'os.sep':
    case 'os.path.sep':
      return '/';
    case 'os.linesep':
      return '\n';
    case 'sys.version_info':
      return tuple([3, 12, 0, 'final', 0]);
    case 'sys.maxsize':
      return 9223372036854775807n;
    case 'sys.argv':
      return unknown('the command line');
    case 'math.inf':
      return float(Number.POSITIVE_INFINITY);
    case 'string.ascii_lowercase':
      return 'abcdefghijklmnopqrstuvwxyz';
    case 'string.ascii_uppercase':
      return 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
    case 'string.digits':
      return '0123456789';
    default:
      void machine;
      return undefined;
  }
}

function environmentValue(machine: Machine, name: Value, fallback: Value | undefined): Value {
  const key = textOf(name);
  if (key === null) return unknown('an environment variable whose name is not known');
  const given = machine.host.environment[key];
  if (given !== undefined) return given;
  return assumed(fallback ?? null, `the environment variable ${key} is not set`);
}

/** A file beside a package of the project, which is given as module or by name. */
function resource(machine: Machine, how: string, anchor: Value, name: Value): Value {
  const given = plain(anchor);
  const dotted = textOf(given);
  const module =
    isObject(given) && given.kind === 'module' ? given : dotted === null ? null : loadModule(machine, dotted, null);
  const inside = how === 'files' ? '' : pathText(name);
  if (module === null || inside === null) return unknown(`a resource of a package outside the project`);
  const file = `${module.file.slice(0, module.file.lastIndexOf('/'))}/${inside}`;
  if (how === 'files') return makePath(file);
  if (how === 'resource_filename') return normalisePath(file);
  return how === 'open_text' ? openAt(machine, file) : readAt(machine, file);
}

export function standardCall(machine: Machine, path: string, args: Arguments): Value | undefined {
  const [first = null, second = null] = args.positional;
  switch (path) {
    case 'decouple.config':
      return settingValue(machine, args);
    case 'os.getenv':
    case 'os.environ.get':
      return environmentValue(machine, first, args.positional[1] ?? args.named.get('default'));
    case 'importlib.resources.files':
    case 'importlib_resources.files':
    case 'importlib.resources.read_text':
    case 'importlib_resources.read_text':
    case 'importlib.resources.open_text':
    case 'pkg_resources.resource_filename':
    case 'pkg_resources.resource_string':
      return resource(machine, path.slice(path.lastIndexOf('.') + 1), first, second);
    case 'os.path.join': {
      const parts = args.positional.map(pathText);
      if (parts.some((part) => part === null)) return unknown('a path that is not known');
      let joined = '';
      for (const part of parts as string[])
        joined = part.startsWith('/') || joined === '' ? part : `${joined.replace(/\/$/, '')}/${part}`;
      return joined;
    }
    case 'os.path.dirname': {
      const text = pathText(first);
      return text === null
        ? unknown('a path that is not known')
        : text.split('/').slice(0, -1).join('/') || (text.startsWith('/') ? '/' : '');
    }
    case 'os.path.basename': {
      const text = pathText(first);
      return text === null ? unknown('a path that is not known') : (text.split('/').pop() ?? '');
    }
    case 'os.path.splitext': {
      const text = pathText(first);
      if (text === null) return unknown('a path that is not known');
      const dot = text.lastIndexOf('.');
      return dot > text.lastIndexOf('/') + 1 ? tuple([text.slice(0, dot), text.slice(dot)]) : tuple([text, '']);
    }
    case 'os.path.abspath':
    case 'os.path.realpath':
    case 'os.path.normpath':
    case 'os.fspath': {
      const text = pathText(first);
      return text === null ? unknown('a path that is not known') : normalisePath(text);
    }
    case 'os.path.exists':
    case 'os.path.isfile':
    case 'os.path.isdir': {
      const text = pathText(first);
      if (text === null) return unknown('a path that is not known');
      const found = machine.host.exists(normalisePath(text));
      return path === 'os.path.exists' ? found !== null : found === (path === 'os.path.isfile' ? 'file' : 'folder');
    }
    case 'os.listdir': {
      const text = pathText(first);
      const names = text === null ? null : machine.host.list(normalisePath(text));
      return names === null
        ? unknown('a folder that could not be read inside the project')
        : newList(machine, [...names].sort());
    }
    case 'glob.glob': {
      const text = pathText(first);
      if (text === null) return unknown('a path that is not known');
      const at = text.lastIndexOf('/');
      const found = globAt(machine, text.slice(0, at), text.slice(at + 1));
      const items = toItems(machine, found);
      return items === null
        ? found
        : newList(
            machine,
            items.map((item) => pathText(item) ?? ''),
          );
    }
    case 'pathlib.Path':
    case 'pathlib.PurePath':
    case 'pathlib.PosixPath': {
      const parts = args.positional.map(pathText);
      return parts.some((part) => part === null)
        ? unknown('a path that is not known')
        : makePath((parts as string[]).join('/') || '.');
    }
    case 'io.open':
    case 'codecs.open': {
      const text = pathText(first);
      return text === null ? unknown('a file whose name is not known') : openAt(machine, text);
    }
    case 'textwrap.dedent':
    case 'inspect.cleandoc': {
      const text = textOf(first);
      return text === null ? (isUnknown(plain(first)) ? plain(first) : unknown(reasonOf(first))) : dedent(text);
    }
    case 'json.dumps':
    case 'simplejson.dumps':
    case 'oslo_serialization.jsonutils.dumps':
      return jsonText(machine, first, args.named);
    case 'json.loads':
    case 'simplejson.loads':
    case 'oslo_serialization.jsonutils.loads': {
      const text = textOf(first);
      if (text === null) return unknown(reasonOf(first));
      try {
        return fromJson(machine, JSON.parse(text));
      } catch {
        return unknown('a text that is no JSON');
      }
    }
    case 're.sub':
      return substitute(args);
    case 're.split':
    case 're.findall': {
      const pattern = regularExpression(first);
      const text = textOf(second);
      if (!pattern || text === null) return unknown('a regular expression that could not be followed');
      if (path === 're.split') return newList(machine, text.split(new RegExp(pattern, 'gm')));
      return newList(
        machine,
        [...text.matchAll(new RegExp(pattern, 'gm'))].map((match) =>
          match.length > 2 ? tuple(match.slice(1).map((part) => part ?? '')) : (match[1] ?? match[0]),
        ),
      );
    }
    case 're.match':
    case 're.search':
    case 're.fullmatch': {
      const pattern = regularExpression(first);
      const text = textOf(second);
      if (!pattern || text === null) return unknown('a regular expression that could not be followed');
      const anchored = path === 're.search' ? pattern : path === 're.match' ? `^(?:${pattern})` : `^(?:${pattern})$`;
      const match = new RegExp(anchored).exec(text);
      if (!match) return null;
      const group = (index: number): Value => match[index] ?? null;
      return newMade(
        're.Match',
        new Map<string, Value>([
          ['group', { kind: 'builtin', name: 'group', call: (more) => group(integerOf(more.positional[0] ?? 0) ?? 0) }],
          [
            'groups',
            { kind: 'builtin', name: 'groups', call: () => tuple(match.slice(1).map((part) => part ?? null)) },
          ],
        ]),
      );
    }
    case 're.escape':
      return (textOf(first) ?? '').replace(/[^\w]/g, '\\$&');
    case 'functools.partial': {
      const [callee = null, ...bound] = args.positional;
      return {
        kind: 'builtin',
        name: 'partial',
        call: (more) =>
          callValue(
            machine,
            callee,
            { positional: [...bound, ...more.positional], named: new Map([...args.named, ...more.named]) },
            { from: 0, to: 0 },
          ),
      };
    }
    case 'functools.reduce': {
      const items = toItems(machine, second);
      if (items === null) return unknown(reasonOf(second));
      const rest = args.positional.length > 2 ? [args.positional[2] as Value, ...items] : items;
      return rest
        .slice(1)
        .reduce(
          (total, item) =>
            callValue(machine, first, { positional: [total, item], named: new Map() }, { from: 0, to: 0 }),
          rest[0] ?? null,
        );
    }
    case 'functools.lru_cache':
    case 'functools.cache':
    case 'functools.wraps': {
      const target = plain(first);
      if (path !== 'functools.wraps' && isObject(target) && target.kind === 'function') return target;
      return { kind: 'builtin', name: path, call: (more) => more.positional[0] ?? null };
    }
    case 'collections.OrderedDict':
    case 'collections.Counter':
    case 'types.MappingProxyType': {
      const dict = newDict(machine);
      const source = plain(first);
      if (isObject(source) && source.kind === 'dict') for (const [key, pair] of source.map) dict.map.set(key, pair);
      else
        for (const item of toItems(machine, source) ?? []) {
          const pair = toItems(machine, item);
          if (pair?.length === 2) setKey(dict, pair[0] as Value, pair[1] as Value);
        }
      for (const [key, value] of args.named) setKey(dict, key, value);
      return dict;
    }
    case 'collections.defaultdict': {
      const dict = newDict(machine);
      if (first !== null) dict.factory = first;
      return dict;
    }
    case 'collections.deque':
      return newList(machine, toItems(machine, first) ?? []);
    case 'collections.namedtuple': {
      const names =
        textOf(second)?.split(/[\s,]+/) ?? toItems(machine, second)?.map((item) => textOf(item) ?? '') ?? [];
      return {
        kind: 'builtin',
        name: textOf(first) ?? 'namedtuple',
        call: (made) => ({
          kind: 'tuple',
          items: names.map((name, at) => made.positional[at] ?? made.named.get(name) ?? null),
          fields: names,
        }),
      };
    }
    case 'copy.copy':
    case 'copy.deepcopy':
      return copyOf(machine, first);
    case 'typing.cast':
      return second;
    case 'math.ceil': {
      const bare = plain(first);
      return isObject(bare) && bare.kind === 'float' ? Math.ceil(bare.value) : bare;
    }
    case 'decimal.Decimal':
      return textOf(first) !== null
        ? {
            kind: 'made',
            path,
            receiver: null,
            positional: args.positional,
            named: args.named,
            from: 0,
            to: 0,
            file: '',
            attributes: new Map(),
          }
        : first;
    case 'sys.exit':
      return unknown('sys.exit()');
    case 'importlib.import_module': {
      const name = textOf(first);
      return name === null ? unknown('a module whose name is not known') : importByName(machine, name);
    }
    case 'importlib.util.find_spec':
    case 'pkgutil.find_loader':
    case 'importlib.find_loader': {
      const name = textOf(first);
      return name === null ? undefined : findSpec(machine, name);
    }
    case 'string.Template':
      return template(machine, first);
    case 'dataclasses.replace': {
      const of = plain(first);
      if (!isObject(of) || of.kind !== 'instance') return undefined;
      return { ...of, attributes: new Map([...of.attributes, ...args.named]) };
    }
    case 'contextlib.nullcontext':
      return first;
    default:
      return path.startsWith('date') ? dateCall(path, args) : iterationCall(machine, path, args);
  }
}

/** `Template('… $name …').substitute(name=…)` */
function template(machine: Machine, source: Value): Value | undefined {
  const text = textOf(source);
  if (text === null) return undefined;
  const call = (args: Arguments): Value => {
    const given = plain(args.positional[0] ?? null);
    const values = new Map(args.named);
    if (isObject(given) && given.kind === 'dict')
      for (const [key, value] of given.map.values())
        if (typeof key === 'string' && !values.has(key)) values.set(key, value);
    let missing: string | null = null;
    const filled = text.replace(
      /\$(?:\$|(\w+)|\{(\w+)\})/g,
      (whole, bare: string | undefined, braced: string | undefined) => {
        const name = bare ?? braced;
        if (name === undefined) return '$';
        const value = values.get(name);
        const written = value === undefined ? null : strOf(value);
        if (written === null) missing ??= value === undefined ? name : reasonOf(value);
        return written ?? whole;
      },
    );
    void machine;
    return missing === null ? filled : unknown(`${missing} in a template`);
  };
  return {
    kind: 'made',
    path: 'string.Template',
    receiver: null,
    positional: [text],
    named: new Map(),
    from: 0,
    to: 0,
    file: '',
    attributes: new Map<string, Value>([
      ['template', text],
      ['substitute', { kind: 'builtin', name: 'substitute', call }],
      ['safe_substitute', { kind: 'builtin', name: 'safe_substitute', call }],
    ]),
  };
}

/** `find_spec('x') is not None` asks whether x could be imported. */
function findSpec(machine: Machine, name: string): Value {
  if (loadModule(machine, name, machine.frames[machine.frames.length - 1]?.module ?? null) !== null)
    return external('importlib.machinery.ModuleSpec');
  const { isThere, condition } = machine.host.isInstalled(name);
  const spec = isThere ? external('importlib.machinery.ModuleSpec') : null;
  return condition === null ? spec : assumed(spec, condition);
}

function importByName(machine: Machine, name: string): Value {
  const module = loadModule(machine, name, machine.frames[machine.frames.length - 1]?.module ?? null);
  if (module === null) meetAbsence(machine, name);
  return module ?? external(name);
}

export function standardSubscript(machine: Machine, path: string, key: Value): Value | undefined {
  if (path !== 'os.environ') return undefined;
  const name = textOf(key);
  const given = name === null ? undefined : machine.host.environment[name];
  const setting = `the environment variable ${name ?? ''}`;
  return given ?? { ...unknown(`${setting} is not known`), ...(name === null ? {} : { setting }) };
}

function copyOf(machine: Machine, value: Value): Value {
  const bare = plain(value);
  if (!isObject(bare)) return bare;
  if (bare.kind === 'list')
    return {
      ...newList(
        machine,
        bare.items.map((item) => copyOf(machine, item)),
      ),
      unknown: bare.unknown,
    };
  if (bare.kind === 'dict')
    return {
      ...bare,
      map: new Map([...bare.map].map(([key, [name, item]]) => [key, [name, copyOf(machine, item)]])),
      madeAt: machine.shadows.length,
    };
  return bare;
}

function dedent(text: string): string {
  const lines = text.split('\n');
  let margin: string | null = null;
  for (const line of lines) {
    if (line.trim() === '') continue;
    const indent = /^[ \t]*/.exec(line)?.[0] ?? '';
    if (margin === null) margin = indent;
    else while (!indent.startsWith(margin)) margin = margin.slice(0, -1);
  }
  return lines.map((line) => (line.trim() === '' ? '' : line.slice((margin ?? '').length))).join('\n');
}

function jsonText(machine: Machine, value: Value, named: ReadonlyMap<string, Value>): Value {
  const convert = (item: Value): string | null => {
    const bare = plain(item);
    const text = textOf(bare);
    if (text !== null) return JSON.stringify(text);
    if (bare === null) return 'null';
    if (typeof bare === 'number' || typeof bare === 'boolean' || typeof bare === 'bigint') return String(bare);
    if (!isObject(bare) || isUnknown(bare)) return null;
    if (bare.kind === 'float') return String(bare.value);
    if (bare.kind === 'dict') {
      const parts = [...bare.map.values()].map(([key, inner]) => [
        JSON.stringify(textOf(key) ?? String(plain(key))),
        convert(inner),
      ]);
      return parts.some(([, inner]) => inner === null)
        ? null
        : `{${parts.map(([key, inner]) => `${key}: ${inner}`).join(', ')}}`;
    }
    const items = bare.kind === 'list' || bare.kind === 'tuple' ? toItems(machine, bare) : null;
    if (!items) return null;
    const parts = items.map(convert);
    return parts.some((part) => part === null) ? null : `[${parts.join(', ')}]`;
  };
  if (named.has('indent') || named.has('separators') || named.has('sort_keys') || named.has('default'))
    return unknown('a JSON text of a form of its own');
  return convert(value) ?? unknown('a JSON text of what is not known');
}

function fromJson(machine: Machine, value: unknown): Value {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? value : float(value);
  if (Array.isArray(value))
    return newList(
      machine,
      value.map((item) => fromJson(machine, item)),
    );
  const dict = newDict(machine);
  for (const [key, item] of Object.entries(value as object)) setKey(dict, key, fromJson(machine, item));
  return dict;
}

/** Python's syntax of regular expressions as far as JavaScript shares it; null for the rest and for what could run away. */
function regularExpression(value: Value): string | null {
  const source = textOf(value);
  if (source === null || source.length > 300 || /\(\?P|\(\?\(|\\[AZ]|[*+]\)[*+]/.test(source)) return null;
  try {
    return new RegExp(source, 'gm').source;
  } catch {
    return null;
  }
}

function substitute(args: Arguments): Value {
  const pattern = regularExpression(args.positional[0] ?? null);
  const by = textOf(args.positional[1] ?? null);
  const text = textOf(args.positional[2] ?? null);
  if (!pattern || by === null || text === null || text.length > 20_000)
    return unknown('a regular expression that could not be followed');
  return text.replace(new RegExp(pattern, 'g'), by.replaceAll('$', '$$$$').replace(/\\(\d)/g, '$$$1'));
}

/** A setting asked of the environment by `decouple`, `starlette.config` or `environs`: name, default, cast. */
export function settingValue(machine: Machine, args: Arguments): Value {
  if (args.named.has('cast') || args.positional.length > 2) return unknown('a setting that is cast');
  return environmentValue(machine, args.positional[0] ?? null, args.named.get('default') ?? args.positional[1]);
}
