/**
 * What SARIF 2.1.0 (OASIS, section 3) and code scanning's upload ask of a log, as far as ours says anything: the properties
 * that each object may and must have, and what they refer to. No schema of others is taken in.
 */
type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

interface Shape {
  /** Each property with what is wrong with a value of it; null: nothing. */
  has: Record<string, (value: Json, at: string) => string[]>;
  must: string[];
}

const is = (test: (value: Json) => boolean, what: string) => (value: Json, at: string) =>
  test(value) ? [] : [`${at} is ${JSON.stringify(value)?.slice(0, 80)}, not ${what}`];
const text = is((value) => typeof value === 'string' && value.trim() !== '', 'a text');
const flag = is((value) => typeof value === 'boolean', 'a boolean');
const oneOf = (...words: string[]) =>
  is((value) => typeof value === 'string' && words.includes(value), `one of ${words}`);
const line = is((value) => Number.isInteger(value) && (value as number) >= 1, 'a line from 1 on');
const level = oneOf('none', 'note', 'warning', 'error');
/** RFC 3986, a relative reference: no scheme, no root, no way out, nothing that wants an escape. */
const relativeUri = is(
  (value) =>
    typeof value === 'string' &&
    /^(?:[\w\-.~!$&'()*+,;=@]|%[\dA-F]{2})(?:[\w\-.~!$&'()*+,;=:@/]|%[\dA-F]{2})*$/i.test(value) &&
    !/^[a-z][\w+.-]*:/i.test(value) &&
    !value.split('/').includes('..') &&
    !value.includes('//'),
  'a relative URI',
);
const all =
  (check: (value: Json, at: string) => string[], most = Number.POSITIVE_INFINITY) =>
  (value: Json, at: string): string[] =>
    Array.isArray(value) && value.length <= most
      ? value.flatMap((each, place) => check(each, `${at}[${place}]`))
      : [`${at} is no list of at most ${most}`];
const object =
  ({ has, must }: Shape) =>
  (value: Json, at: string): string[] => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} is no object`];
    return [
      ...must.filter((name) => !(name in value)).map((name) => `${at} has no ${name}`),
      ...Object.entries(value).flatMap(
        ([name, each]) => has[name]?.(each, `${at}.${name}`) ?? [`${at} knows no ${name}`],
      ),
    ];
  };

// 3.11: one of `text` and `markdown` is there; ours has plain texts. Links are `[text](target)`.
const message = object({
  has: { text: (value, at) => [...text(value, at), ...(/\]\(/.test(String(value)) ? [`${at} holds a link`] : [])] },
  must: ['text'],
});
const plain = object({ has: { text }, must: ['text'] });
const ruleId = is((value) => typeof value === 'string' && /^[\w./-]{1,255}$/.test(value), 'a rule id');
const rule = object({
  has: {
    id: ruleId,
    shortDescription: plain,
    fullDescription: plain,
    help: plain,
    defaultConfiguration: object({ has: { level }, must: [] }),
  },
  must: ['id', 'shortDescription', 'fullDescription', 'help'],
});
const location = object({
  has: {
    physicalLocation: object({
      has: {
        artifactLocation: object({ has: { uri: relativeUri, uriBaseId: text }, must: ['uri'] }),
        region: object({ has: { startLine: line }, must: ['startLine'] }),
      },
      must: ['artifactLocation', 'region'],
    }),
    logicalLocations: all(object({ has: { fullyQualifiedName: text, kind: text }, must: [] })),
  },
  must: ['physicalLocation'],
});
const result = object({
  has: {
    ruleId,
    ruleIndex: is((value) => Number.isInteger(value) && (value as number) >= 0, 'a place'),
    level,
    message,
    locations: (value, at) => [
      ...all(location, 1000)(value, at),
      ...((value as Json[]).length === 0 ? [`${at}: none`] : []),
    ],
    partialFingerprints: (value, at) =>
      Object.entries(value as object).flatMap(([name, each]) => text(each, `${at}.${name}`)),
    suppressions: all(
      object({
        has: {
          kind: oneOf('inSource', 'external'),
          status: oneOf('accepted', 'underReview', 'rejected'),
          justification: text,
        },
        must: ['kind'],
      }),
    ),
  },
  must: ['ruleId', 'message', 'locations', 'partialFingerprints'],
});
const run = object({
  has: {
    tool: object({
      has: {
        driver: object({ has: { name: text, version: text, rules: all(rule, 25_000) }, must: ['name', 'rules'] }),
      },
      must: ['driver'],
    }),
    results: all(result, 25_000),
    invocations: all(
      object({
        has: {
          executionSuccessful: flag,
          toolExecutionNotifications: all(object({ has: { level, message }, must: ['message'] })),
        },
        must: ['executionSuccessful'],
      }),
    ),
  },
  must: ['tool', 'results'],
});
const log = object({
  has: { $schema: text, version: oneOf('2.1.0'), runs: all(run, 20) },
  must: ['version', 'runs'],
});

export interface SarifLog {
  runs: {
    tool: { driver: { rules: { id: string }[] } };
    results: {
      ruleId: string;
      ruleIndex?: number;
      message: { text: string };
      locations: { physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } }[];
      partialFingerprints: Record<string, string>;
    }[];
  }[];
}

/** What is wrong with a log, each with its place; none: it may be uploaded. */
export function sarifFaults(written: string): string[] {
  const parsed = JSON.parse(written) as Json;
  const faults = log(parsed, 'log');
  if (faults.length > 0) return faults;
  return (parsed as unknown as SarifLog).runs.flatMap(({ tool, results }) => {
    const ids = tool.driver.rules.map(({ id }) => id);
    const prints = results.map(({ partialFingerprints }) => partialFingerprints.primaryLocationLineHash ?? '');
    return [
      ...(new Set(ids).size === ids.length ? [] : ['a rule stands twice']),
      ...results.flatMap((each, place) =>
        each.ruleIndex !== undefined && ids[each.ruleIndex] !== each.ruleId
          ? [`results[${place}] is of another rule`]
          : [],
      ),
      ...(new Set(prints).size === prints.length ? [] : ['two results have one fingerprint']),
      ...prints.flatMap((print, place) => (/^[\da-f]{16}:\d+$/.test(print) ? [] : [`results[${place}]: ${print}`])),
    ];
  });
}
