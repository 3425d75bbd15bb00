/** Python around the chain: what runs Alembic, when, and what becomes of its failure. */
import { describe, expect, it } from 'vitest';
import { loadMigratorCodeReader } from '../../src/sources/alembic/index.ts';

const readMigratorCode = await loadMigratorCodeReader();
const read = (text: string, file = 'app/main.py', isEnv = false) =>
  readMigratorCode({ file, text }, isEnv).map(({ line, act, occasion, failure }) => [
    line,
    act,
    occasion,
    failure.kind,
  ]);

const upgrade = (body: string) =>
  `from alembic import command\n\ndef migrate(cfg):\n${body.replace(/^/gm, '    ')}\n\nmigrate(1)\n`;

describe('what becomes of a failure', () => {
  const kinds = (body: string) => read(upgrade(body)).map((one) => one[3]);

  it('is told where nothing catches it, or what catches it raises or leaves', () => {
    for (const body of [
      'command.upgrade(cfg, "head")',
      'try:\n    command.upgrade(cfg, "head")\nexcept Exception:\n    log.error("x")\n    raise',
      'try:\n    command.upgrade(cfg, "head")\nexcept Exception as e:\n    print(e)\n    sys.exit(1)',
      'try:\n    command.upgrade(cfg, "head")\nexcept KeyError:\n    pass',
      'try:\n    command.upgrade(cfg, "head")\nfinally:\n    lock.release()',
      'try:\n    command.upgrade(cfg, "head")\nexcept Exception:\n    failed = True',
      'for attempt in range(5):\n    try:\n        command.upgrade(cfg, "head")\n        break\n    except Exception:\n        log.warning("again")',
    ])
      expect(kinds(body), body).toEqual(['told']);
  });

  it('is ignored where the exception ends there', () => {
    for (const body of [
      'try:\n    command.upgrade(cfg, "head")\nexcept Exception:\n    pass',
      'try:\n    command.upgrade(cfg, "head")\nexcept:\n    pass',
      'try:\n    command.upgrade(cfg, "head")\nexcept (ValueError, Exception) as e:\n    logger.exception("going on: %s", e)',
      'with contextlib.suppress(Exception):\n    command.upgrade(cfg, "head")',
      'subprocess.run(["alembic", "upgrade", "head"])',
      'subprocess.call("alembic upgrade head", shell=True)',
      'os.system("alembic upgrade head")',
      'subprocess.run(["alembic", "upgrade", "head"], check=False)',
    ])
      expect(kinds(body), body).toEqual(['ignored']);
  });

  it('is looked at by who keeps the answer', () => {
    for (const body of [
      'subprocess.run(["alembic", "upgrade", "head"], check=True)',
      'subprocess.check_call(["alembic", "upgrade", "head"])',
      'done = subprocess.run(["alembic", "upgrade", "head"])\nif done.returncode: sys.exit(1)',
      'sys.exit(os.system("alembic upgrade head"))',
    ])
      expect(kinds(body), body).toEqual(['told']);
  });

  it('is stamped over', () => {
    const body = 'try:\n    command.upgrade(cfg, "head")\nexcept Exception:\n    command.stamp(cfg, "head")';
    expect(read(upgrade(body))).toEqual([
      [5, 'upgrade', 'start-up', 'stamped'],
      [7, 'stamp', 'start-up', 'told'],
    ]);
  });

  it('of the revisions in env.py', () => {
    const text =
      'with context.begin_transaction():\n    try:\n        context.run_migrations()\n    except Exception as e:\n        print(e)\n';
    expect(read(text, 'alembic/env.py', true)).toEqual([[3, 'upgrade', 'start-up', 'ignored']]);
    expect(read(text, 'alembic/env.py', false)).toEqual([]);
  });
});

describe('when it runs', () => {
  const occasion = (text: string, file?: string) => read(text, file)[0]?.[2];

  it('with the application', () => {
    for (const text of [
      'Base.metadata.create_all(bind=engine)\n',
      '@app.on_event("startup")\nasync def prepare():\n    async with engine.begin() as c:\n        await c.run_sync(Base.metadata.create_all)\n',
      'async def lifespan(app):\n    Base.metadata.create_all(engine)\n    yield\n',
      'def boot(app):\n    Base.metadata.create_all(engine)\n\napp = FastAPI(lifespan=boot)\n',
      'def init_db():\n    db.create_all()\n\ndef create_app():\n    init_db()\n',
      'with app.app_context():\n    db.create_all()\n',
    ])
      expect(occasion(text), text).toBe('start-up');
  });

  it('when somebody calls for it', () => {
    for (const text of [
      'def init_db():\n    db.create_all()\n',
      'if __name__ == "__main__":\n    Base.metadata.create_all(engine)\n',
      'def main():\n    Base.metadata.create_all(engine)\n\nif __name__ == "__main__":\n    main()\n',
      '@app.cli.command("init")\ndef init():\n    db.create_all()\n',
    ])
      expect(occasion(text), text).toBe('unknown');
    expect(occasion('Base.metadata.create_all(engine)\n', 'scripts/reset.py')).toBe('unknown');
    expect(occasion('db.create_all()\n', 'runserver.py')).toBe('start-up');
    expect(occasion('db.drop_all()\ndb.create_all()\n', 'runserver.py')).toBe('unknown');
  });

  it('in tests', () => {
    for (const file of ['tests/conftest.py', 'app/tests/test_x.py', 'conftest.py', 'test_models.py'])
      expect(occasion('def db():\n    Base.metadata.create_all(engine)\n', file)).toBe('test');
  });

  it('never in a text or a comment', () => {
    expect(read('# Base.metadata.create_all(engine)\nhelp = "command.upgrade(cfg)"\n')).toEqual([]);
  });
});
