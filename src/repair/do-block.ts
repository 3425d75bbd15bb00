/**
 * `DO` blocks, in a dollar quote that nothing in them can end: names and defaults come from files and catalogues.
 */

/** `body` and `declarations` are lines; no semicolon at the end. */
export function doBlock(body: readonly string[], declarations: readonly string[] = []): string {
  const declare = declarations.length === 0 ? [] : ['DECLARE', ...declarations.map((line) => `  ${line}`)];
  const lines = [...declare, 'BEGIN', ...body.map((line) => `  ${line}`), 'END'];
  const text = lines.join('\n');
  let tag = '$chain$';
  for (let number = 1; text.includes(tag); number++) tag = `$chain${number}$`;
  return `DO ${tag}\n${text}\n${tag}`;
}

/** The same with an EXCEPTION part, whose lines stand at the level of BEGIN. */
export function doBlockWithHandler(body: readonly string[], handler: readonly string[]): string {
  const text = ['BEGIN', ...body.map((line) => `  ${line}`), ...handler, 'END'].join('\n');
  let tag = '$chain$';
  for (let number = 1; text.includes(tag); number++) tag = `$chain${number}$`;
  return `DO ${tag}\n${text}\n${tag}`;
}
