/**
 * pathlib.Path and open(): reading, never writing, and through the Host, which stays inside the project.
 */
import { newList } from './containers.ts';
import type { Machine } from './machine.ts';
import { isObject, type PyPath, plain, textOf, tuple, unknown, type Value } from './values.ts';

export function normalisePath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return (path.startsWith('/') ? '/' : '') + parts.join('/');
}

export const makePath = (path: string): PyPath => ({ kind: 'path', path: normalisePath(path) });

export function pathText(value: Value): string | null {
  const bare = plain(value);
  if (isObject(bare) && bare.kind === 'path') return bare.path;
  return textOf(bare);
}

export function readAt(machine: Machine, path: string): Value {
  return (
    machine.host.readFile(normalisePath(path)) ??
    unknown(`the file ${path.split('/').pop()} could not be read inside the project`)
  );
}

export function openAt(machine: Machine, path: string): Value {
  const text = readAt(machine, path);
  return {
    kind: 'made',
    path: 'open()',
    receiver: null,
    positional: [text],
    named: new Map(),
    from: 0,
    to: 0,
    file: path,
    attributes: new Map<string, Value>([
      ['read', { kind: 'builtin', name: 'read', call: () => text }],
      [
        'readlines',
        {
          kind: 'builtin',
          name: 'readlines',
          call: () => (typeof text === 'string' ? newList(machine, text.split(/(?<=\n)/)) : text),
        },
      ],
      ['close', { kind: 'builtin', name: 'close', call: () => null }],
      ['name', path],
    ]),
  };
}

function globMatches(name: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return new RegExp(`^${source}$`).test(name);
}

export function globAt(machine: Machine, folder: string, pattern: string): Value {
  if (pattern.includes('**') || pattern.includes('/')) return unknown('a glob over several folders');
  const names = machine.host.list(folder);
  if (names === null) return unknown(`the folder ${folder.split('/').pop()} could not be read inside the project`);
  return newList(
    machine,
    names
      .filter((name) => globMatches(name, pattern))
      .sort()
      .map((name) => makePath(`${folder}/${name}`)),
  );
}

export function pathAttribute(machine: Machine, path: PyPath, name: string): Value {
  const parts = path.path.split('/');
  const base = parts[parts.length - 1] ?? '';
  const dot = base.lastIndexOf('.');
  const stem = dot > 0 ? base.slice(0, dot) : base;
  const folder = parts.slice(0, -1).join('/') || '/';
  const method = (call: (args: Value[]) => Value): Value => ({
    kind: 'builtin',
    name,
    call: (args) => call(args.positional),
  });
  switch (name) {
    case 'parent':
      return makePath(folder);
    case 'parents': {
      const all: Value[] = [];
      for (let at = parts.length - 1; at > 0; at--) all.push(makePath(parts.slice(0, at).join('/') || '/'));
      return tuple(all);
    }
    case 'name':
      return base;
    case 'stem':
      return stem;
    case 'suffix':
      return dot > 0 ? base.slice(dot) : '';
    case 'parts':
      return tuple(parts.map((part) => part || '/'));
    case 'with_suffix':
      return method(([suffix]) => makePath(`${folder}/${stem}${textOf(suffix ?? null) ?? ''}`));
    case 'with_name':
      return method(([other]) => makePath(`${folder}/${textOf(other ?? null) ?? ''}`));
    case 'with_stem':
      return method(([other]) => makePath(`${folder}/${textOf(other ?? null) ?? ''}${dot > 0 ? base.slice(dot) : ''}`));
    case 'joinpath':
      return method((args) => {
        const texts = args.map(pathText);
        return texts.some((text) => text === null)
          ? unknown('a path that is not known')
          : makePath([path.path, ...(texts as string[])].join('/'));
      });
    case 'resolve':
    case 'absolute':
    case 'expanduser':
      return method(() => path);
    case 'as_posix':
    case '__str__':
    case '__fspath__':
      return method(() => path.path);
    case 'exists':
      return method(() => machine.host.exists(path.path) !== null);
    case 'is_file':
      return method(() => machine.host.exists(path.path) === 'file');
    case 'is_dir':
      return method(() => machine.host.exists(path.path) === 'folder');
    case 'read_text':
      return method(() => readAt(machine, path.path));
    case 'read_bytes':
      return method(() => {
        const text = readAt(machine, path.path);
        return typeof text === 'string' ? { kind: 'bytes', text } : text;
      });
    case 'open':
      return method(() => openAt(machine, path.path));
    case 'iterdir':
      return method(() => globAt(machine, path.path, '*'));
    case 'glob':
      return method(([pattern]) => globAt(machine, path.path, textOf(pattern ?? null) ?? '**'));
    default:
      return unknown(`Path.${name}`);
  }
}
