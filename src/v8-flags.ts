/**
 * What V8 is asked to leave undone. A run of a second does not earn back what is compiled beside it, and on two cores the
 * optimising compilers take what the run itself needs: without these, reading a history of hundreds of revisions takes a
 * quarter longer (test/bench/declared.mjs). A V8 complains of flags that it does not know, so each names the last major
 * version that was seen to know it.
 */
import { setFlagsFromString } from 'node:v8';

function set(flag: string, lastMajor: number): void {
  if (Number.parseInt(process.versions.v8, 10) <= lastMajor) setFlagsFromString(flag);
}

/** The WebAssembly of the SQL parser: what is compiled at once serves. To be called before it is loaded. */
export function compileParserOnce(): void {
  set('--no-wasm-tier-up', 13);
  set('--no-wasm-dynamic-tiering', 13);
}

/** For commands that read files alone: a function is optimised after three times the use of else. */
export function optimiseLate(): void {
  set('--interrupt-budget=200000', 11);
}
