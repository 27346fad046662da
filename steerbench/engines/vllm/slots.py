"""Tracks which steerings are in the worker's tables: assigns slots and rows, counts their users, and reuses them."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from steerbench.engines.vllm.lowering import Lowered
from steerbench.engines.vllm.schedule import SITES, Schedule, capacity
from steerbench.errors import UserError


@dataclass(eq=False)
class SlotEntry:
    """A steering in the tables: its slot, its rows by site, and the number of requests that use it."""

    slot: int
    rows: Mapping[str, tuple[int, ...]]
    users: int = 0


@dataclass(frozen=True)
class Placement:
    """The worker's message about a new steering; all fields survive any serialisation."""

    slot: int
    rows: dict[str, list[int]]
    schedules: dict[str, tuple[tuple[int, ...], ...]]
    payload: bytes


class SlotBook:
    """Assigns slots and rows to steerings; the least recently used ones are evicted when another needs room.

    `rows` determines the tables' capacities (`capacity`), and is the number of slots.
    """

    def __init__(self, rows: int) -> None:
        self.size = rows
        self._entries: OrderedDict[str, SlotEntry] = OrderedDict()
        self._slots = list(range(rows, 0, -1))
        self._rows = {site: list(range(capacity(site, rows), 0, -1)) for site in SITES}

    def use(self, key: str, lowered: "Lowered | None") -> tuple[int, Placement | None] | None:
        """Acquire a steering: returns its slot, and the message for the worker if it is not in the tables yet.

        None if there is no room and the request has to wait. Call `done` when the request has finished.

        Raises:
            UserError: the steering needs more rows than a table has.
        """
        if key in self._entries:
            self._entries.move_to_end(key)
            self._entries[key].users += 1
            return self._entries[key].slot, None
        assert lowered is not None, "a steering that is not in the tables must be given"
        needed = {site: lowered.count(site) for site in SITES}
        for site, count in needed.items():
            if count > capacity(site, self.size):
                raise UserError(
                    f"A steering needs {count} rows in a table of {capacity(site, self.size)}, because its edits "
                    f"differ at many positions; enlarge the tables with --param vllm.rows=N (now {self.size})."
                )
        if not self._make_room(needed):
            return None
        rows = {site: tuple(self._rows[site].pop() for _ in range(count)) for site, count in needed.items() if count}
        entry = SlotEntry(self._slots.pop(), rows, users=1)
        self._entries[key] = entry
        return entry.slot, _placement(entry, lowered)

    def holds(self, key: str) -> bool:
        return key in self._entries

    def done(self, key: str, keep: bool = True) -> None:
        """Release a steering; without `keep`, it is evicted when its last request has finished."""
        self._entries[key].users -= 1
        if not keep and not self._entries[key].users:
            self._forget(key)

    def leaving(self, lowered: Lowered) -> set[str]:
        """The steerings to evict to make room for another: the least recently used, whether or not in use now.

        If they get no new requests they stay least recently used, so the set does not change until they are gone.
        """
        free = {site: len(rows) for site, rows in self._rows.items()}
        slots, found = len(self._slots), set()
        for key, entry in self._entries.items():
            if slots and all(free[site] >= lowered.count(site) for site in SITES):
                break
            slots += 1
            for site, rows in entry.rows.items():
                free[site] += len(rows)
            found.add(key)
        return found

    def _make_room(self, needed: Mapping[str, int]) -> bool:
        """Evict idle steerings, least recently used first, until there is room; False if that is not enough."""
        idle = [key for key, entry in self._entries.items() if not entry.users]
        free = {
            site: len(self._rows[site]) + sum(len(self._entries[k].rows.get(site, ())) for k in idle) for site in SITES
        }
        if not (self._slots or idle) or any(free[site] < count for site, count in needed.items()):
            return False
        for key in idle:
            if self._slots and all(len(self._rows[site]) >= count for site, count in needed.items()):
                break
            self._forget(key)
        return True

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key)
        self._slots.append(entry.slot)
        for site, rows in entry.rows.items():
            self._rows[site].extend(rows)


def _placement(entry: SlotEntry, lowered: Lowered) -> Placement:
    schedules: dict[str, tuple[tuple[int, ...], ...]] = {}
    for site, schedule in lowered.schedules.items():
        there: Schedule = schedule.mapped((0, *entry.rows.get(site, ())))
        schedules[site] = (there.front, there.prompt, there.decode)
    return Placement(entry.slot, {s: list(rows) for s, rows in entry.rows.items()}, schedules, lowered.payload())
