"""The tables of routes.db and of the file beside it in which a new generation is put together.

`routes` lies in the order of its keys, so that a look-up reads one place for each key. What many routes have in common
(result, hours, zone) is a row of `bodies`. `user_version` names the schema.
"""

SCHEMA = 2
COLUMNS = "key, rank, id, stage, body, valid_from, valid_until"
_TYPED = """key TEXT NOT NULL, rank INTEGER NOT NULL, id TEXT NOT NULL, stage TEXT NOT NULL, body INTEGER NOT NULL,
    valid_from INTEGER, valid_until INTEGER"""
TABLES = (
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE bodies (body INTEGER PRIMARY KEY, result TEXT NOT NULL, windows TEXT NOT NULL, zone TEXT NOT NULL)",
    f"CREATE TABLE routes ({_TYPED}, PRIMARY KEY (key, rank, id)) WITHOUT ROWID",
    f"CREATE TABLE patterns ({_TYPED}, PRIMARY KEY (id)) WITHOUT ROWID",
    f"PRAGMA main.user_version = {SCHEMA}",
)
STAGED = f"CREATE TABLE staged.rows (n INTEGER PRIMARY KEY, {_TYPED}, kind INTEGER NOT NULL)"
LOOKED_UP, TRIED, DROPPED = 0, 1, 2
"""The kinds of staged rows: found by number, tried one by one, or the word that an id is gone."""
STAGE = f"INSERT INTO staged.rows ({COLUMNS}, kind) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our names
DROP = f"INSERT INTO staged.rows ({COLUMNS}, kind) VALUES ('', 0, ?, '', 0, NULL, NULL, {DROPPED})"  # noqa: S608 - our names
PRAGMAS = (
    # The draft is thrown away if anything goes wrong: no need for it to be safe before it is renamed.
    "main.journal_mode = OFF",
    "main.synchronous = OFF",
    "main.cache_size = -32768",
    "staged.journal_mode = OFF",
    "staged.synchronous = OFF",
    "staged.cache_size = -8192",
    "temp_store = FILE",
    "threads = 2",
)

REPEATED = "SELECT count(*) > (SELECT count(*) FROM (SELECT 1 FROM staged.rows GROUP BY id)) FROM staged.rows"
UNREPEAT = "DELETE FROM staged.rows WHERE n NOT IN (SELECT max(n) FROM staged.rows GROUP BY id)"
_LAY = "INSERT INTO {0} ({2}) SELECT {2} FROM staged.rows WHERE kind = {1} ORDER BY {3}"
LAY = (
    _LAY.format("routes", LOOKED_UP, COLUMNS, "key, rank, id"),
    _LAY.format("patterns", TRIED, COLUMNS, "id"),
)
LAID = f"SELECT count(*) FROM staged.rows WHERE kind <> {DROPPED}"  # noqa: S608 - our names

TOUCHED = """CREATE TEMP TABLE touched AS
    SELECT * FROM routes WHERE id IN (SELECT id FROM staged.rows)
    UNION ALL
    SELECT * FROM patterns WHERE id IN (SELECT id FROM staged.rows)"""
LIFT = (
    "DELETE FROM routes WHERE (key, rank, id) IN (SELECT key, rank, id FROM temp.touched)",
    "DELETE FROM patterns WHERE id IN (SELECT id FROM temp.touched)",
)
"""Of a delta: the rows that it names leave, and come back as it has them."""

UNCHANGED = f"""SELECT count(*) FROM staged.rows AS new JOIN temp.touched AS old USING (id)
    WHERE new.kind <> {DROPPED} AND (old.key, old.rank, old.stage, old.body) = (new.key, new.rank, new.stage, new.body)
    AND old.valid_from IS new.valid_from AND old.valid_until IS new.valid_until"""  # noqa: S608 - our names
BOTH = f"SELECT count(*) FROM staged.rows JOIN temp.touched USING (id) WHERE kind <> {DROPPED}"  # noqa: S608 - our names

SAME_BODIES = """CREATE TEMP TABLE same AS
    SELECT former.bodies.body AS old, min(main.bodies.body) AS new FROM former.bodies
    JOIN main.bodies USING (result, windows, zone) GROUP BY former.bodies.body"""
SAME_INDEX = "CREATE UNIQUE INDEX temp.same_by_old ON same (old)"
MATCHED = """SELECT count(*), sum(
        old.stage = new.stage AND old.valid_from IS new.valid_from AND old.valid_until IS new.valid_until
        AND new.body IS (SELECT same.new FROM temp.same WHERE same.old = old.body))
    FROM former.{0} AS old CROSS JOIN main.{0} AS new USING ({1})"""
UNMATCHED = """CREATE TEMP TABLE {2} AS
    SELECT one.id FROM {0}.routes AS one
    WHERE NOT EXISTS (
        SELECT 1 FROM {1}.routes AS other WHERE (other.key, other.rank, other.id) = (one.key, one.rank, one.id))
    UNION ALL
    SELECT one.id FROM {0}.patterns AS one
    WHERE NOT EXISTS (SELECT 1 FROM {1}.patterns AS other WHERE other.id = one.id)"""
MOVED = "SELECT count(*) FROM temp.gone JOIN temp.come USING (id)"
CROWDED = "SELECT min(id) FROM routes GROUP BY key HAVING count(*) > ? LIMIT 1"
UNUSED_BODIES = """DELETE FROM bodies WHERE body NOT IN
    (SELECT body FROM routes UNION SELECT body FROM patterns)"""
