/**
 * Faults: the named points where a trial may kill the process, cut the connection or throw. In production nothing listens.
 */

export interface Faults {
  /** Called when `point` is reached; a throw is what the run sees there. */
  at(point: string): void | Promise<void>;
}

export const noFaults: Faults = { at: () => undefined };
