/**
 * What V8 is asked to leave undone. A run of a second does not earn back what is compiled beside it, and on two cores the
 * optimising compilers take what the run itself needs: without these, reading a history of hundreds of revisions takes a
 * quarter longer (test/bench/declared.mjs). A V8 complains of flags that it does not know, so each names the last major
 * version that was seen to know it.
 */
import { setFlagsFromString } from 'node:v8';

const flags: readonly { flag: string; lastMajor: number }[] = [
  // The WebAssembly of the SQL parser: what is compiled at once serves.
  { flag: '--no-wasm-tier-up', lastMajor: 13 },
  { flag: '--no-wasm-dynamic-tiering', lastMajor: 13 },
  // A function is optimised after three times the use of else.
  { flag: '--interrupt-budget=200000', lastMajor: 11 },
];

/** To be called before anything is compiled: V8 takes no code cache that was made under other flags. */
export function spareCompilers(): void {
  const major = Number.parseInt(process.versions.v8, 10);
  for (const { flag, lastMajor } of flags) if (major <= lastMajor) setFlagsFromString(flag);
}
