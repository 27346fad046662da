"""lm-evaluation-harness's cache of answers, made safe: its keys name a request, but not who answered it."""

from typing import Any


def own_table(cache: Any, key: str) -> None:
    """Have an open cache (a `SqliteDict`, one table of a file) use the table of this key, made if it is not there.

    What others keep in the file stays theirs: another model in the harness's own table, another steering in its own.
    """
    cache.tablename = f"steerbench {key}"
    cache.conn.execute(f'CREATE TABLE IF NOT EXISTS "{cache.tablename}" (key TEXT PRIMARY KEY, value BLOB)')
    cache.conn.commit()
