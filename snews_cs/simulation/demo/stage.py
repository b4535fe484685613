"""Plays the acts: detectors publish, each act by the installed command that it names."""

import json
import time
from dataclasses import dataclass
from uuid import UUID

from snews_cs.messages.registry import Registry
from snews_cs.messages.times import NS_PER_S, format_utc, tai_from_posix
from snews_cs.settings import Settings
from snews_cs.simulation.demo.processes import Child, Processes
from snews_cs.simulation.demo.services import PATIENCE_S
from snews_cs.simulation.demo.story import Act
from snews_cs.simulation.scenario import Scenario

_STORY_BEGAN_S = 40 * 60
_ROUND_S = 10 * 60


@dataclass(frozen=True, slots=True)
class Performance:
    """A command that publishes: as a person would type it, as it runs, and the files that it publishes as they are."""

    typed: tuple[str, ...]
    child: Child
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """How many messages were published; hop's ``_id`` of those whose time of writing is known, and that (POSIX ns)."""

    count: int
    written_unix_ns: dict[UUID, int]


class Stage:
    """Starts the commands of acts.

    The times of the story count from a full ten minutes, 40 to 50 minutes ago: all of them are over.

    Parameters
    ----------
    settings
        With which all speak to the broker.
    processes
        Starts the commands.
    """

    def __init__(self, settings: Settings, processes: Processes) -> None:
        began_s = (time.time_ns() // NS_PER_S - _STORY_BEGAN_S) // _ROUND_S * _ROUND_S
        self._epoch_ns = tai_from_posix(began_s * NS_PER_S)
        self._topic = settings.observation_topic
        self._processes = processes

    def perform(self, act: Act) -> Performance:
        """Let the detectors of an act begin."""
        log = f"{act.name}.log"
        if act.by == "snews_cs simulate":
            arguments = self._scenario(act) if act.messages else act.arguments
            child = self._processes.start(["snews_cs", "--log-format", "json", "simulate", *arguments], log)
            return Performance(("snews_cs", "simulate", *arguments), child)
        files = self._files(act)
        argv = (*act.by.split(), "--no-auth", self._topic, *files)
        return Performance(argv, self._processes.start(argv, log), files)

    def finish(self, performance: Performance) -> Published:
        """Wait until all of a performance is published."""
        said = self._processes.wait_for_end(performance.child, PATIENCE_S)
        if performance.files:
            return Published(len(performance.files), {})
        sent = [line for line in map(json.loads, said.splitlines()) if line["event"] == "sent"]
        return Published(len(sent), {UUID(line["message_id"]): int(line["written_unix_ns"]) for line in sent})

    def _scenario(self, act: Act) -> tuple[str, ...]:
        """Write the act's scenario to a file, and return the arguments that play it."""
        name = f"{act.name}.json"
        scenario = {"title": act.title, "messages": act.messages}
        (self._processes.directory / name).write_text(json.dumps(scenario, indent=2), encoding="utf-8")
        return "--scenario", name, "--epoch", format_utc(self._epoch_ns).replace(".000000000", "")

    def _files(self, act: Act) -> tuple[str, ...]:
        """Write each of the act's messages to a file of its own, as a person would by hand."""
        names: list[str] = []
        for cue in Scenario.parse({"messages": act.messages}, act.name).cues(self._epoch_ns):
            outgoing = cue.outgoing(Registry.load(), self._epoch_ns, message_id=bytes(16))
            names.append(f"{act.name}-{len(names) + 1}.json" if names else f"{act.name}.json")
            (self._processes.directory / names[-1]).write_bytes(outgoing.payload)
        return tuple(names)
