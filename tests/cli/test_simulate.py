"""``snews_cs simulate``: what it prints and refuses, and what it publishes as a process of its own."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from snews_cs.broker.process import BrokerProcess
from snews_cs.cli import main
from snews_cs.messages.decoders import decode
from snews_cs.messages.raw import RawMessage
from snews_cs.messages.times import NS_PER_S, parse_utc, tai_now
from snews_cs.messages.types import DetectorMessage, Heartbeat, Observation
from snews_cs.streams.observations import ObservationStream
from tests.support.broker import broker, make_topic
from tests.support.server import PATIENCE_S, SNEWS_CS

__all__ = ["broker"]

PAIR = ("--detectors", "Super-K,IceCube")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", *arguments])


def printed(*arguments: str) -> list[dict[str, str]]:
    result = run("--print", *arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith('{"')]


def test_what_is_printed_is_json_for_hop_publish_with_times_up_to_now() -> None:
    now_ns = tai_now()
    lines = printed(*PAIR, "--burst", "5", "--duration", "10", "--rate", "0", "--heartbeat-every", "0")
    assert {line["detector_name"] for line in lines} == {"Super-K", "IceCube"}
    for line in lines:
        ago_ns = now_ns - parse_utc(line["neutrino_time"])
        assert 0 < ago_ns < 60 * NS_PER_S


def test_a_seed_repeats_a_watch() -> None:
    watch = (*PAIR, "--duration", "86400", "--rate", "50", "--heartbeat-every", "0")
    first, again, other = (printed(*watch, "--seed", seed) for seed in ("1", "1", "2"))
    assert [line["p_val"] for line in first] == [line["p_val"] for line in again]
    assert [line["p_val"] for line in first] != [line["p_val"] for line in other]


def test_a_scenario_is_printed_with_its_epoch(tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    message = {"kind": "observation", "detector": "LVD", "neutrino_time_s": 9, "client": "snews_pt-3.0"}
    path.write_text(json.dumps({"messages": [message]}))
    lines = printed("--scenario", str(path), "--epoch", "2026-11-21T12:30:00Z", "--test")
    assert lines == [{"detector_name": "LVD", "neutrino_time": "2026-11-21T12:30:09.000000000Z", "is_test": True}]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--duration", "1"), "would be taken for real ones"),
        (("--detectors", "Gallex"), "'Gallex' is not a registered detector"),
        (("--scenario", "missing.json"), "cannot read the scenario missing.json"),
        (("--scenario", "missing.json", "--burst", "1"), "--burst is not for a --scenario"),
        (("--epoch", "2026-11-21T12:30:00Z"), "--epoch is for a --scenario"),
        (("--epoch", "noon"), "is not a time"),
        (("--direction", "north"), "RA,DEC"),
        (("--direction", "10,100"), "DEC from -90 to 90"),
        (("--speed", "60"), "--speed needs a --duration"),
        (("--print",), "--print needs a --duration"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(arguments: tuple[str, ...], reason: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert reason in " ".join(result.output.split())


def test_it_publishes_through_hop(broker: BrokerProcess) -> None:
    topic = broker.url(make_topic(broker))
    done = simulate(broker, topic, *PAIR, "--burst", "0.1", "--duration", "0.2", "--rate", "0", "--seed", "7")
    records = [json.loads(line) for line in done.stderr.splitlines()]
    sent = [record for record in records if record["event"] == "sent"]
    assert [record["event"] for record in records] == ["sent"] * 4 + ["done"]
    messages = read(topic, 4)
    beats = [message for message in messages if isinstance(message, Heartbeat)]
    seen = [message for message in messages if isinstance(message, Observation)]
    assert [beat.detector_name for beat in beats] == ["Super-K", "IceCube"]
    assert {observation.detector_name for observation in seen} == {"Super-K", "IceCube"}
    assert [message.message_uuid for message in messages] == [record["message_id"] for record in sent]
    assert abs(seen[0].neutrino_time_ns - seen[1].neutrino_time_ns) < 42_600_000


def test_a_firedrill_goes_to_its_own_topic(broker: BrokerProcess) -> None:
    topic = broker.url(make_topic(broker))
    simulate(broker, "kafka://kafka.example.org/real", *PAIR, "--duration", "0", "--firedrill", firedrill_topic=topic)
    assert [message.kind for message in read(topic, 2)] == ["heartbeat", "heartbeat"]


def test_a_broker_that_is_not_there_is_one_line() -> None:
    done = subprocess.run(
        [SNEWS_CS, "simulate", "--duration", "1"],
        env={**os.environ, "HOP_BROKER": "127.0.0.1:1", "HOP_AUTH": "false"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("snews_cs: ")
    assert "127.0.0.1:1" in done.stderr


def test_ctrl_c_ends_it_well(broker: BrokerProcess) -> None:
    topic = broker.url(make_topic(broker))
    command = [str(SNEWS_CS), "simulate", *PAIR]
    with subprocess.Popen(command, env=environment(broker, topic), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "sent" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 0
    assert "done" in rest.splitlines()[-1]


def environment(broker: BrokerProcess, topic: str) -> dict[str, str]:
    return {
        **os.environ,
        "HOP_BROKER": broker.plain_address,
        "HOP_AUTH": "false",
        "OBSERVATION_TOPIC": topic,
    }


def simulate(
    broker: BrokerProcess, topic: str, *arguments: str, firedrill_topic: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SNEWS_CS, "--log-format", "json", "simulate", *arguments],
        env={**environment(broker, topic), "FIREDRILL_OBSERVATION_TOPIC": firedrill_topic},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        check=True,
    )


def read(topic: str, count: int) -> list[DetectorMessage]:
    """Return the first messages of a topic, as the server understands them."""
    found: list[RawMessage] = []
    end = time.monotonic() + PATIENCE_S
    with ObservationStream(topic, group_id="reader", auth=False) as stream:
        while len(found) < count and time.monotonic() < end:
            found += stream.batch(0.2, count)
    return [decode(raw).message for raw in found]
