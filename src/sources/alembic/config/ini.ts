/**
 * An ini file by the rules of Python's ConfigParser as Alembic uses it: sections, [DEFAULT], values over several lines,
 * comments, `%(name)s` interpolation. Refuses to know what the options mean.
 */

export interface IniFile {
  /** Options by section, names in lower case, raw. */
  sections: Map<string, Map<string, string>>;
  defaults: Map<string, string>;
  /** Lines that ConfigParser itself would refuse. */
  errors: { line: number; text: string }[];
}

export function parseIni(text: string): IniFile {
  const file: IniFile = { sections: new Map(), defaults: new Map(), errors: [] };
  let section: Map<string, string> | null = null;
  let option: string | null = null;
  let optionIndent = 0;
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
  lines.forEach((line, index) => {
    const isComment = /^\s*[#;]/.test(line);
    const value = isComment ? '' : line.trim();
    if (value === '') {
      // An empty line goes on with a value; a comment line does too, without a trace.
      if (!isComment && section !== null && option !== null) append(section, option, '');
      return;
    }
    const indent = line.length - line.trimStart().length;
    if (section !== null && option !== null && indent > optionIndent) {
      append(section, option, value);
      return;
    }
    optionIndent = indent;
    const header = /^\[(.+)\]/.exec(value);
    if (header !== null) {
      const name = header[1] as string;
      section = name === 'DEFAULT' ? file.defaults : (file.sections.get(name) ?? new Map<string, string>());
      if (name !== 'DEFAULT') file.sections.set(name, section);
      option = null;
      return;
    }
    const pair = /^(.*?)\s*[=:]\s*(.*)$/.exec(value);
    if (section === null || pair === null || pair[1] === '') {
      file.errors.push({ line: index + 1, text: line });
      return;
    }
    option = (pair[1] as string).toLowerCase();
    section.set(option, pair[2] as string);
  });
  for (const options of [file.defaults, ...file.sections.values()])
    for (const [name, value] of options) options.set(name, value.trimEnd());
  return file;
}

function append(section: Map<string, string>, option: string, line: string): void {
  section.set(option, `${section.get(option) ?? ''}\n${line}`);
}

/**
 * The value of an option after interpolation; null where neither the section nor [DEFAULT] nor `given` has it.
 * `given`: names that the program itself hands over, such as `here`. What cannot be interpolated stays as it is written.
 */
export function iniOption(
  file: IniFile,
  section: string,
  name: string,
  given: ReadonlyMap<string, string>,
): string | null {
  const lookUp = (option: string): string | undefined =>
    file.sections.get(section)?.get(option) ?? file.defaults.get(option) ?? given.get(option);
  const raw = lookUp(name.toLowerCase());
  return raw === undefined ? null : interpolate(raw, lookUp, 10);
}

function interpolate(raw: string, lookUp: (option: string) => string | undefined, depth: number): string {
  if (!raw.includes('%') || depth === 0) return raw;
  return raw.replace(/%(?:%|\(([^)]*)\)s)/g, (whole, name: string | undefined) => {
    if (name === undefined) return '%';
    const value = lookUp(name.toLowerCase());
    return value === undefined ? whole : interpolate(value, lookUp, depth - 1);
  });
}
