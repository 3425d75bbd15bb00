/** Settings as the command line would make them, for one project folder. */
import { defaultFileSettings, type Settings } from '../../src/settings.ts';

export function settingsFor(project: string): Settings {
  return {
    ...defaultFileSettings,
    project,
    section: 'alembic',
    url: null,
    offline: false,
    scratchUrl: null,
    useScratch: false,
    format: 'text',
    output: null,
    failOn: 'error',
    strict: false,
    baseline: null,
    only: [],
    skip: [],
    quiet: true,
    verbose: false,
    color: false,
  };
}
