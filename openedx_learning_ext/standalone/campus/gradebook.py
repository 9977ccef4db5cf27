"""
What the campus keeps: its gradebook, what arrived in which order, which nonces were used, and its port.

One small SQLite file in the data folder, read and written without Django, since none of it is ours: a campus is another
system, and its gradebook must not be right because it shares a transaction with the scores.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings

FILE = "campus.sqlite3"
#: How much of what arrived is kept: strangers can send something, too.
ARRIVALS_KEPT = 200

_TABLES = """
CREATE TABLE IF NOT EXISTS port (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS grade (learner_id TEXT PRIMARY KEY, score REAL NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS nonce (value TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS arrival (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, learner_id TEXT, score REAL, answer TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Grade:
    """What the gradebook shows for one learner; the score is from 0 to 1."""

    learner_id: str = field(repr=False)
    score: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that came: whose score it carried, where it could be read, and how it was answered."""

    number: int
    at: datetime
    learner_id: str | None = field(repr=False)
    score: float | None
    answer: str


@contextmanager
def _store() -> Iterator[sqlite3.Connection]:
    """Open the file for one transaction; it is rolled back when the body raises."""
    with closing(sqlite3.connect(settings.DATA_DIR / FILE, timeout=10)) as connection:
        connection.executescript(_TABLES)
        with connection:
            yield connection


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def grades() -> dict[str, Grade]:
    """Return the gradebook, by learner."""
    with _store() as store:
        rows = store.execute("SELECT learner_id, score, at FROM grade").fetchall()
    return {learner_id: Grade(learner_id, score, _moment(at)) for learner_id, score, at in rows}


def arrivals() -> list[Arrival]:
    """Return what arrived, in order; the newest is the last."""
    with _store() as store:
        rows = store.execute("SELECT id, at, learner_id, score, answer FROM arrival ORDER BY id").fetchall()
    return [Arrival(number, _moment(at), learner_id, score, answer) for number, at, learner_id, score, answer in rows]


def take(learner_id: str, score: float) -> None:
    """Put a score into the gradebook; whatever comes later replaces it."""
    now = time.time()
    with _store() as store:
        store.execute(
            "INSERT INTO grade VALUES (?, ?, ?) "
            "ON CONFLICT (learner_id) DO UPDATE SET score = excluded.score, at = excluded.at",
            (learner_id, score, now),
        )
        _note(store, now, "taken", learner_id, score)


def note(answer: str, *, learner_id: str | None = None, score: float | None = None) -> None:
    """Write down a message that changed nothing, and how it was answered."""
    with _store() as store:
        _note(store, time.time(), answer, learner_id, score)


def _note(store: sqlite3.Connection, at: float, answer: str, learner_id: str | None, score: float | None) -> None:
    values = (at, learner_id, score, answer)
    store.execute("INSERT INTO arrival (at, learner_id, score, answer) VALUES (?, ?, ?, ?)", values)
    store.execute("DELETE FROM arrival WHERE id <= (SELECT max(id) FROM arrival) - ?", (ARRIVALS_KEPT,))


def use_nonce(value: str, *, remember_seconds: float) -> bool:
    """Remember a nonce; return whether it is new. Those that no message can use any more are forgotten."""
    now = time.time()
    with _store() as store:
        store.execute("DELETE FROM nonce WHERE at < ?", (now - remember_seconds,))
        return store.execute("INSERT OR IGNORE INTO nonce VALUES (?, ?)", (value, now)).rowcount == 1


def port() -> int:
    """Return the port of the outcome service; 0 while it never had one."""
    with _store() as store:
        row = store.execute("SELECT number FROM port").fetchone()
    return 0 if row is None else int(row[0])


def keep_port(number: int) -> None:
    """Remember the port, so that the address in launches of yesterday is still right tomorrow."""
    with _store() as store:
        store.execute("INSERT OR REPLACE INTO port VALUES (1, ?)", (number,))
