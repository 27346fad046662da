"""Makes lm-evaluation-harness's answer cache safe. Its keys identify the request, but not the model or steering."""

from typing import Any


def own_table(cache: Any, key: str) -> None:
    """Switch an open cache (a `SqliteDict`, one table of a file) to the table named by this key, created if missing.

    Answers of other models and steerings stay in their own tables.
    """
    cache.tablename = f"steerbench {key}"
    cache.conn.execute(f'CREATE TABLE IF NOT EXISTS "{cache.tablename}" (key TEXT PRIMARY KEY, value BLOB)')
    cache.conn.commit()
