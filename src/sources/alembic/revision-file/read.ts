/**
 * One file of a version location → what its header says, exactly as Python would have it, or why it cannot be known.
 * Never guesses and never throws. Refuses to know other files.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { sep } from 'node:path';
import type { Revision, RevisionReading, UnreadableFile } from '../../../model/revision.ts';
import { SyntaxFault } from '../python/lexer.ts';
import { decodeLiteral } from '../python/literals.ts';
import { parsePython } from '../python/parse.ts';
import { type Bindings, type HeaderValue, type ImportedConstants, moduleBindings } from './header.ts';
import type { ConstantReader } from './imports.ts';
import { type Outline, outline } from './syntax.ts';
import { decodePython } from './text.ts';

/** Alembic's own filter of file names (`_only_source_rev_file` in alembic/script/base.py). */
export const revisionFileName: RegExp = /^(?!\.#|__init__).*\.py$/;
/** Without a `revision` in it, such a name gives the id (`_legacy_rev`, of Alembic 0.1). */
const legacyFileName = /^([a-f0-9]+)\.py$/;
/** Read for its hints only, where a file is too big or not sound. */
const hintBytes = 65_536;

export interface RevisionFilePlace {
  /** Absolute. */
  path: string;
  /** Relative to the project, with `/`. */
  file: string;
  name: string;
  maxFileBytes: number;
  /** Real path of the project; null: links were ruled out by who lists the folder. */
  projectRealPath: string | null;
  /** Constants of the project's modules; without it a header that takes one is not known. */
  constants?: ConstantReader;
  /** Takes the text, where it is what anybody else reads of the file. */
  keep?: ((file: string, text: string) => void) | undefined;
}

export function readRevisionFile(place: RevisionFilePlace): RevisionReading {
  let bytes: Buffer;
  try {
    if (place.projectRealPath !== null) {
      const real = realpathSync(place.path);
      if (real !== place.projectRealPath && !real.startsWith(place.projectRealPath + sep))
        return unreadable(place, 1, 'a symbolic link that leads out of the project');
      if (!statSync(real).isFile()) return unreadable(place, 1, 'not a regular file');
    }
    bytes = readFileSync(place.path);
  } catch (error) {
    return unreadable(place, 1, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
  if (bytes.length > place.maxFileBytes) {
    return unreadable(place, 1, `larger than the ${place.maxFileBytes} bytes that are read of one file`, {
      text: bytes.toString('latin1', 0, hintBytes),
    });
  }
  const decoded = decodePython(bytes);
  if ('reason' in decoded)
    return unreadable(place, 1, decoded.reason, { text: bytes.toString('latin1', 0, hintBytes) });
  if (decoded.isAsWritten) place.keep?.(place.file, decoded.text);
  const { constants } = place;
  return readRevisionText(place, decoded.text, constants && ((imported) => constants(imported, place.path)));
}

export function readRevisionText(
  place: Pick<RevisionFilePlace, 'file' | 'name'>,
  text: string,
  constants?: ImportedConstants,
): RevisionReading {
  let read: Outline;
  try {
    read = outline(text);
  } catch (error) {
    if (error instanceof SyntaxFault) return broken(place, text, error.at, error.message);
    // A nesting that no parser of ours gets through is no revision that a person wrote.
    return broken(place, text, 0, 'nested too deeply to be read');
  }
  const plain = read.isPlain ? plainBindings(text, read) : null;
  if (plain !== null) {
    const { docstring } = read;
    return toReading(place, text, plain, docstring && decodeLiteral(text, docstring.from, docstring.to));
  }
  const module = parsePython(text);
  return toReading(place, text, moduleBindings(module, constants), module.docstring);
}

/** The values of literals in their usual form; null where one is anything else. */
function plainBindings(text: string, read: Outline): Bindings | null {
  const bindings: Bindings = new Map();
  for (const [name, { at, value }] of read.headers) {
    const literal = plainLiteral(text.slice(value.from, value.to));
    if (literal === null) return null;
    bindings.set(name, { at, value: literal });
  }
  return bindings;
}

const plainText = /^(?:'([^'"\\\r\n]*)'|"([^'"\\\r\n]*)")$/;
const plainItems = /^(?:\s*(?:'[^'"\\\r\n]*'|"[^'"\\\r\n]*")\s*,)*(?:\s*(?:'[^'"\\\r\n]*'|"[^'"\\\r\n]*")\s*)?$/;

function plainLiteral(literal: string): HeaderValue | null {
  if (literal === 'None') return { kind: 'none' };
  const match = plainText.exec(literal);
  if (match !== null) return { kind: 'text', text: (match[1] ?? match[2]) as string };
  const open = literal.charCodeAt(0);
  if (open !== 40 && open !== 91) return null;
  const inner = literal.slice(1, -1);
  // In parentheses only a comma makes a tuple.
  if (!plainItems.test(inner) || (open === 40 && inner.trim() !== '' && !inner.includes(','))) return null;
  const items = [...inner.matchAll(/'([^']*)'|"([^"]*)"/g)].map((item) => ({
    kind: 'text' as const,
    text: (item[1] ?? item[2]) as string,
  }));
  return { kind: 'list', made: open === 40 ? 'tuple' : 'list', items };
}

function toReading(
  place: Pick<RevisionFilePlace, 'file' | 'name'>,
  text: string,
  bindings: Bindings,
  docstring: string | null,
): RevisionReading {
  const lineOf = (name: string): number => lineAt(text, bindings.get(name)?.at ?? 0);
  const idBinding = bindings.get('revision');
  const legacy = legacyFileName.exec(place.name)?.[1];
  let id: string;
  if (idBinding === undefined) {
    if (legacy === undefined) {
      return {
        unreadable: {
          file: place.file,
          line: 1,
          kind: 'stray',
          reason: 'Python without a `revision`: Alembic refuses to load a folder that has such a file',
          id: null,
        },
      };
    }
    id = legacy;
  } else if (idBinding.value.kind === 'text' && idBinding.value.text !== '') id = idBinding.value.text;
  else {
    const why =
      idBinding.value.kind === 'unknown'
        ? `its \`revision\` is not known: ${idBinding.value.why}`
        : '`revision` is no text, or an empty one';
    return unreadable(
      place,
      lineOf('revision'),
      why,
      { ids: [], parents: textsOf(bindings.get('down_revision')?.value) },
      null,
      idBinding.value.kind === 'unknown',
    );
  }
  const down = bindings.get('down_revision');
  if (down === undefined)
    return unreadable(place, lineOf('revision'), 'no `down_revision` is set', { ids: [id], parents: [] }, id);
  const fields: Record<'down_revision' | 'branch_labels' | 'depends_on', string[]> = {
    down_revision: [],
    branch_labels: [],
    depends_on: [],
  };
  for (const name of ['down_revision', 'branch_labels', 'depends_on'] as const) {
    const names = namesOf(bindings.get(name)?.value, name);
    if ('why' in names) {
      const parents = name === 'down_revision' ? null : textsOf(down.value);
      return unreadable(
        place,
        lineOf(name),
        `its \`${name}\` is not known: ${names.why}`,
        { ids: [id], parents },
        id,
        names.isUnknown === true,
      );
    }
    fields[name] = names.names;
  }
  const doc = docstring ?? '';
  const revision: Revision = {
    id,
    downRevisions: fields.down_revision,
    dependsOn: fields.depends_on,
    branchLabels: fields.branch_labels,
    file: place.file,
    line: lineOf('revision'),
    downRevisionLine: lineOf('down_revision'),
    message: firstLine(doc),
    createDate: /^[ \t]*Create Date:[ \t]*(.*?)[ \t]*$/m.exec(doc)?.[1] || null,
    docstringRevises: /^[ \t]*Revises:[ \t]*(.*?)[ \t]*$/m.exec(doc)?.[1] || null,
  };
  return { revision };
}

/** Alembic's `to_tuple` and `tuple_rev_as_scalar`: None and empty lists are nothing, `(None,)` as well. */
function namesOf(
  value: HeaderValue | undefined,
  field: string,
): { names: string[] } | { why: string; isUnknown?: boolean } {
  if (value === undefined) return { names: [] };
  switch (value.kind) {
    case 'none':
      return { names: [] };
    case 'text':
      return { names: [value.text] };
    case 'unknown':
      return { why: value.why, isUnknown: true };
    case 'list': {
      if (
        value.items.length === 1 &&
        value.items[0]!.kind === 'none' &&
        field !== 'branch_labels' &&
        value.made !== 'set'
      )
        return { names: [] };
      if (value.items.length === 1 && value.made === 'set' && field !== 'branch_labels')
        return { why: 'a set of one, which Alembic cannot take apart' };
      const names: string[] = [];
      for (const item of value.items) {
        if (item.kind === 'unknown') return { why: item.why, isUnknown: true };
        if (item.kind !== 'text') return { why: 'a list with something else than texts in it' };
        names.push(item.text);
      }
      return { names };
    }
    case 'flag':
    case 'number':
      // `if not rev` in tuple_rev_as_scalar.
      if ((value.kind === 'flag' ? !value.value : value.value === 0) && field === 'down_revision') return { names: [] };
      return { why: 'neither text nor a list' };
    default:
      return { why: `it is ${value.what}` };
  }
}

function textsOf(value: HeaderValue | undefined): string[] | null {
  if (value === undefined) return null;
  const names = namesOf(value, 'down_revision');
  return 'names' in names ? names.names : null;
}

function broken(
  place: Pick<RevisionFilePlace, 'file' | 'name'>,
  text: string,
  at: number,
  message: string,
): RevisionReading {
  const marker = /^(?:<{7}|={7}|>{7}|\|{7})(?: .*)?$/m.exec(text);
  if (marker !== null) return unreadable(place, lineAt(text, marker.index), 'an unresolved merge marker', { text });
  return unreadable(place, lineAt(text, at), message, { text });
}

type HintSource = { text: string } | { ids: string[]; parents: string[] | null };

function unreadable(
  place: Pick<RevisionFilePlace, 'file' | 'name'>,
  line: number,
  reason: string,
  source?: HintSource,
  id: string | null = null,
  needsRunning = false,
): RevisionReading {
  const file: UnreadableFile = { file: place.file, line, kind: 'unreadable', reason, id };
  if (needsRunning) file.needsRunning = true;
  if (source !== undefined) {
    const hints = 'text' in source ? hintsOf(source.text) : source;
    file.hints = hints;
    if (id === null && hints.ids.length === 1) file.id = hints.ids[0]!;
  }
  return { unreadable: file };
}

/** What lines of the text look like, both sides of a merge conflict included. Hints, never readings. */
function hintsOf(text: string): { ids: string[]; parents: string[] | null } {
  const ids = new Set<string>();
  const parents = new Set<string>();
  let sawParents = false;
  let isUnknown = false;
  for (const match of text.matchAll(/^(revision|down_revision)\b[^=\n]*=(.*(?:\n[ \t]+.*)*)/gm)) {
    const names = [...match[2]!.matchAll(/'([^'\n]*)'|"([^"\n]*)"/g)].map((name) => (name[1] ?? name[2]) as string);
    if (match[1] === 'revision') for (const name of names) ids.add(name);
    else {
      sawParents = true;
      if (names.length === 0 && !/\bNone\b/.test(match[2]!)) isUnknown = true;
      for (const name of names) parents.add(name);
    }
  }
  return { ids: [...ids], parents: sawParents && !isUnknown ? [...parents] : null };
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = 0; at < offset; at++) {
    const c = text.charCodeAt(at);
    if (c === 10 || (c === 13 && text.charCodeAt(at + 1) !== 10)) line++;
  }
  return line;
}

function firstLine(doc: string): string {
  const trimmed = doc.trim();
  const end = trimmed.indexOf('\n');
  return end < 0 ? trimmed : trimmed.slice(0, end).trimEnd();
}
