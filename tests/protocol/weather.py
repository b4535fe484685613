"""What a seed has in store: how many servers, what becomes of them, when the store and the broker are away."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.protocol.world import MS, SECOND

Link = Literal["store", "broker", "disk"]
"""What may fail a server: all but its own disk it can be cut off from."""


@dataclass(frozen=True, slots=True)
class Outage:
    """From ``start_ns`` to ``end_ns`` a link is away, for one server or (None) for all."""

    link: Link
    server: int | None
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Blow:
    """From ``time_ns`` on a server dies, or freezes, as soon as it does this ``step``, for ``lasts_ns``."""

    server: int
    time_ns: int
    lasts_ns: int
    step: str = ""
    kills: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The conditions of one play. Probabilities are per step of a server, unless said otherwise.

    Parameters
    ----------
    servers, partitions, messages
        How many.
    talk_ns
        From when to when detectors talk: from 1 s to this.
    calm_ns
        When all faults are over; the rest is for making good.
    crash, power_cut, freeze, stop
        How likely a server dies, dies with its machine (what was not fsynced is lost), does nothing for a while, or is
        told to stop.
    faults
        How likely a call fails, by link: before or after it did what it was asked; or it does it late, or in part.
    blows
        Deaths and freezes that are not left to chance.
    in_doubt
        Share of the failing calls that did what they were asked.
    unseen
        Per append: how likely it is taken for a while but not shown.
    outages
        When what is away for whom.
    is_transactional
        Whether the store takes all or nothing (SQLite), or in order until it fails (MongoDB).
    expiration_ns
        How long observations live, ns.
    snapshot_after
        Entries between two snapshots of the engine.
    step, opening_ns
        How much of a spool is journaled at once, and for how long before messages get their turn again.
    clocks_ns
        By how much each server's clock is wrong, ns.
    are_muting
        Which servers count one detector's observations for nothing.
    """

    servers: int
    partitions: int
    calm_ns: int
    messages: int = 0
    talk_ns: int = 0
    crash: float = 0.0
    power_cut: float = 0.0
    freeze: float = 0.0
    stop: float = 0.0
    faults: Mapping[Link, float] = field(default_factory=dict)
    blows: tuple[Blow, ...] = ()
    in_doubt: float = 0.5
    unseen: float = 0.0
    outages: tuple[Outage, ...] = ()
    is_transactional: bool = False
    expiration_ns: int = 86_400 * SECOND
    snapshot_after: int = 1_000
    step: int = 100
    opening_ns: int = 100 * MS
    clocks_ns: tuple[int, ...] = field(default=(0, 0, 0))
    are_muting: tuple[bool, ...] = field(default=(False, False, False))

    def fault(self, link: Link) -> float:
        """Return how likely a call fails."""
        return self.faults.get(link, 0.0)

    def is_away(self, link: Link, server: int, now_ns: int) -> bool:
        """Whether a server is cut off at a time."""
        return any(
            outage.link == link and outage.server in (None, server) and outage.start_ns <= now_ns < outage.end_ns
            for outage in self.outages
        )


def forecast(chance: random.Random) -> Weather:
    """Draw the conditions of one play; in one of four all is well but for the servers themselves."""
    is_fair = chance.random() < 0.25
    servers = chance.choice((2, 3) if is_fair else (1, 2, 2, 3, 3))
    talk_ns = chance.randint(6, 20) * SECOND
    calm_ns = talk_ns + chance.randint(1, 4) * SECOND

    def sometimes(likely: float, *rates: float) -> float:
        return chance.choice(rates) if chance.random() < likely else 0.0

    outages = tuple(_outage(chance, servers, calm_ns) for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 3))))
    faults: dict[Link, float] = {
        "store": sometimes(0.5, 0.01, 0.05, 0.2),
        "broker": sometimes(0.4, 0.02, 0.1, 0.3),
        "disk": sometimes(0.1, 0.01, 0.1),
    }
    return Weather(
        servers=servers,
        partitions=chance.randint(1, 4),
        messages=chance.randint(6, 50),
        talk_ns=talk_ns,
        calm_ns=calm_ns,
        crash=sometimes(0.6, 0.002, 0.01, 0.03),
        power_cut=sometimes(0.3, 0.002, 0.01),
        freeze=sometimes(0.5, 0.002, 0.01, 0.03),
        stop=sometimes(0.2, 0.002, 0.01),
        faults={} if is_fair else faults,
        in_doubt=chance.choice((0.2, 0.5, 0.8)),
        unseen=sometimes(0.3, 0.05, 0.3),
        outages=() if is_fair else outages,
        is_transactional=chance.random() < 0.4,
        expiration_ns=chance.choice((86_400, 86_400, 15, 25, 40)) * SECOND,
        snapshot_after=chance.choice((3, 7, 15, 1_000)),
        clocks_ns=tuple(
            round(chance.choice((0.0, 0.01, 1.0, 15.0)) * chance.uniform(-1, 1) * SECOND) for _ in range(3)
        ),
        are_muting=tuple(chance.random() < 0.15 for _ in range(3)),
        step=chance.choice((1, 1, 3, 100)),
        opening_ns=chance.choice((0, 0, 10, 100)) * MS,
    )


def _outage(chance: random.Random, servers: int, calm_ns: int) -> Outage:
    link: Link = chance.choice(("store", "store", "broker"))
    start_ns = chance.randrange(calm_ns)
    length_ns = round(chance.choice((0.3, 2.0, 8.0, 20.0)) * chance.random() * SECOND) + MS
    server = chance.randrange(servers) if chance.random() < 0.5 else None
    return Outage(link, server, start_ns, min(start_ns + length_ns, calm_ns))
