/**
 * SQLAlchemy's declarative models read statically → ModelsReading.
 */
import type { Operation } from '../../model/operation.ts';
import type { EnvFacts } from '../../model/project.ts';
import type { ModelsReading } from '../../model/replay.ts';
import { emptySchema, type Origin } from '../../model/schema.ts';
import type { ProjectFiles } from './project-files.ts';

export interface ModelsRequest {
  projectDir: string;
  files: ProjectFiles;
  environment: Readonly<Record<string, string>>;
  env: EnvFacts;
  parseSql(text: string, context: { origin: Origin; revision: string }): Operation[];
}

export function readModels(request: ModelsRequest): ModelsReading {
  return {
    schema: emptySchema(),
    definitionsByTable: new Map(),
    operationsByTable: new Map(),
    blindSpots: [],
    files: request.env.modelFiles,
  };
}
