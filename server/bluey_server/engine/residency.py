"""The residency table: which adapter sits in which slot, who uses it, whom to evict.

Pure: no tensors, no clock, no I/O. Slot 0 is the bare base's and is not listed here.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Resident:
    """The adapter is in this slot; the request may start."""

    slot: int


@dataclass(frozen=True)
class Load:
    """The adapter must be loaded into this slot first; what was there is forgotten."""

    slot: int
    evicted: str | None


@dataclass(frozen=True)
class Wait:
    """The adapter is being loaded, or every slot is in use."""


Placement = Resident | Load | Wait


@dataclass
class _Slot:
    adapter: str | None = None
    ready: bool = False
    users: set[int] = field(default_factory=set)
    last_used: int = 0
    claimed_by: str | None = None
    """An adapter that waits for this slot: nobody else may begin to use what is in it, or those
    who keep coming for it would keep the slot for ever."""


class Residency:
    """The table. Requests are numbers, adapters are digests."""

    def __init__(self, slots: int) -> None:
        """`slots`: how many adapters can be resident at once, at least 1."""
        if slots < 1:
            raise ValueError("there must be at least one slot")
        self._slots = {number: _Slot() for number in range(1, slots + 1)}
        self._clock = 0

    def place(self, adapter: str, request: int) -> Placement:
        """Ask for an adapter on behalf of a request.

        Resident makes the request a user of the slot until `release`. Load is said once; until
        `loaded` or `failed` everybody who asks for that adapter waits. When every slot is in use,
        the adapter claims one, which it gets as soon as those who use it now have ended.
        """
        found = self._find(adapter)
        if found is None:
            return self._start_loading(adapter)
        number, slot = found
        if not slot.ready or slot.claimed_by is not None:
            return Wait()
        slot.users.add(request)
        self._touch(slot)
        return Resident(number)

    def loaded(self, adapter: str) -> None:
        """The adapter is in its slot."""
        found = self._find(adapter)
        if found is not None:
            found[1].ready = True
            self._touch(found[1])

    def failed(self, adapter: str) -> None:
        """The adapter could not be loaded; its slot is free."""
        found = self._find(adapter)
        if found is not None:
            self._slots[found[0]] = _Slot()

    def release(self, request: int) -> None:
        """The request is over. Its adapter stays, until its slot is wanted for another."""
        for slot in self._slots.values():
            slot.users.discard(request)

    def unclaim(self, wanted: set[str]) -> None:
        """Give up the claims of adapters that nobody waits for any more."""
        for slot in self._slots.values():
            if slot.claimed_by not in wanted:
                slot.claimed_by = None

    def drop(self, adapter: str) -> int | None:
        """Forget an adapter that nobody uses; its slot, or None when it stays."""
        found = self._find(adapter)
        if found is None or found[1].users or not found[1].ready:
            return None
        self._slots[found[0]] = _Slot()
        return found[0]

    def holds(self, adapter: str) -> bool:
        """Whether the adapter is resident, or being loaded."""
        return self._find(adapter) is not None

    def table(self) -> list[tuple[int, str, list[int]]]:
        """Slot, adapter and users of every slot that is ready."""
        return [
            (number, slot.adapter, sorted(slot.users))
            for number, slot in self._slots.items()
            if slot.adapter is not None and slot.ready
        ]

    def __len__(self) -> int:
        return len(self._slots)

    def _start_loading(self, adapter: str) -> Load | Wait:
        """Take the slot that is claimed, or empty, or least recently used and in nobody's use."""
        claimed = self._claim_of(adapter)
        idle = [
            (slot.adapter is not None, slot.last_used, number)
            for number, slot in self._slots.items()
            if not slot.users
            and (slot.ready or slot.adapter is None)
            and slot.claimed_by in (None, adapter)
        ]
        if not idle:
            if claimed is None:
                self._claim(adapter)
            return Wait()
        if claimed is not None:
            claimed.claimed_by = None  # its own slot, or another one that is free sooner
        number = min(idle)[2]
        evicted = self._slots[number].adapter
        self._slots[number] = _Slot(adapter)
        return Load(number, evicted)

    def _claim_of(self, adapter: str) -> _Slot | None:
        claims = (slot for slot in self._slots.values() if slot.claimed_by == adapter)
        return next(claims, None)

    def _claim(self, adapter: str) -> None:
        """Claim the slot with the fewest users, which is likely to be free first."""
        free = [slot for slot in self._slots.values() if slot.ready and slot.claimed_by is None]
        if free:
            slot = min(free, key=lambda slot: (len(slot.users), slot.last_used))
            slot.claimed_by = adapter

    def _find(self, adapter: str) -> tuple[int, _Slot] | None:
        for number, slot in self._slots.items():
            if slot.adapter == adapter:
                return number, slot
        return None

    def _touch(self, slot: _Slot) -> None:
        self._clock += 1
        slot.last_used = self._clock
