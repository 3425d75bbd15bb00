/**
 * All that a project's configuration and code say, put together: configuration, env.py, models, seeds. The scripts around
 * the chain are read by `history`, and come in there.
 */
import type { AlembicConfig, NamingConvention, ProjectFacts } from '../../model/project.ts';
import type { EnvReading } from './env/read.ts';

export interface FactsRequest {
  projectDir: string;
  config: AlembicConfig;
  /** From the settings; null: find them. */
  seeds: readonly string[] | null;
  models: readonly string[] | null;
  namingConvention: NamingConvention | null;
}

/** Never throws over what the project holds; what was taken or not found is in `notes`. */
export async function readProjectFacts(
  request: FactsRequest,
): Promise<{ facts: ProjectFacts } & Pick<EnvReading, 'importRoots' | 'findModels' | 'modelsLoadedWith'>> {
  const { readEnvFacts } = await import('./env/read.ts');
  const { env, notes, ...found } = readEnvFacts(request);
  const facts = {
    config: request.config,
    env,
    modelFiles: [],
    seedFiles: [],
    surroundings: [],
    migrators: [],
    notes: [...(request.config.notes ?? []), ...notes],
  };
  return { facts, ...found };
}
