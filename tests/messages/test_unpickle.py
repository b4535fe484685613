"""Pickles: what the clients send is read; damaged, it is read or refused."""

import base64
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snews_cs.errors import MessageRefused
from snews_cs.messages.unpickle import PickledModel, unpickle
from tests.messages.opcodes import DTYPE, MODEL, SCALAR, START, meta_of, model_with, named, text
from tests.support.pickles import pickled
from tests.support.samples import DATA, sample


class TestWhatClientsSend:
    """Whatever a released client pickles is read."""

    @pytest.mark.parametrize("protocol", [4, 5])
    def test_a_model(self, protocol: int) -> None:
        content = pickled("CoincidenceTierMessage", protocol=protocol, tier="CoincidenceTier", p_val=0.5, meta=None)
        assert unpickle(content) == PickledModel(
            "CoincidenceTierMessage", {"tier": "CoincidenceTier", "p_val": 0.5, "meta": None}
        )

    def test_an_enumeration_by_name(self) -> None:
        """Python 3.11.0 to 3.11.3, Debian 12's among them, pickles ``Tier.TIMING_TIER`` as a call of ``getattr``."""
        tier = named("snews.models.messages", "Tier")
        call = named("builtins", "getattr") + tier + text("TIMING_TIER") + pickle.TUPLE2 + pickle.REDUCE
        assert meta_of(call) == "TIMING_TIER"

    def test_models_from_debian_12(self) -> None:
        captured = json.loads((DATA / "pickles" / "python-3.11.2.json").read_text(encoding="utf-8"))
        coincidence, timing = (unpickle(base64.b64decode(captured[name])) for name in ("coincidence", "timing"))
        assert coincidence.class_name == "CoincidenceTierMessage"
        assert coincidence.fields["neutrino_time_utc"] == "2026-11-21T06:39:14.401568000Z"
        assert coincidence.fields["p_val"] == 0.07
        assert timing.class_name == "TimingTierMessage"
        assert timing.fields["timing_series"] == [1, 2]
        assert timing.fields["detection_channel"] == "NU_E"

    def test_extra_fields_do_not_replace_known_ones(self) -> None:
        content = pickled("HeartbeatMessage", extra={"id": "forged", "comment": "x"}, id="given")
        assert unpickle(content).fields == {"id": "given", "comment": "x"}

    @pytest.mark.parametrize(
        ("value", "plain"),
        [
            (np.str_("2026-11-21T06:39:10Z"), "2026-11-21T06:39:10Z"),
            (np.str_("μ"), "μ"),
            (np.str_(""), ""),
            (np.float64(0.5), 0.5),
            (np.float32(0.5), 0.5),
            (np.float16(0.5), 0.5),
            (np.int64(-(2**63)), -(2**63)),
            (np.int8(-1), -1),
            (np.uint16(65_535), 65_535),
            (np.bool_(True), True),
            (np.bool_(False), False),
            (np.dtype(">i4").type(7), 7),
        ],
    )
    def test_numpy_scalars(self, value: object, plain: object) -> None:
        decoded = unpickle(pickled("TimingTierMessage", series=[value, value])).fields["series"]
        assert decoded == [plain, plain]
        assert type(decoded[0]) is type(plain)

    def test_elements_of_a_string_array(self) -> None:
        times = ["2026-11-21T06:39:10.401568000Z", "2026-11-21T06:39:11Z", "2026-11-21T06:39:12.5Z"]
        series = list(np.array(times))
        assert unpickle(pickled("TimingTierMessage", timing_series=series)).fields["timing_series"] == times

    @pytest.mark.parametrize("name", ["numpy.core.multiarray", "numpy._core.multiarray"])
    def test_numpy_before_and_after_2(self, name: str) -> None:
        content = pickled("TimingTierMessage", p_val=np.float64(0.25))
        assert b"numpy._core.multiarray" in content
        old = content.replace(b"\x8c\x16numpy._core.multiarray", b"\x8c" + bytes([len(name)]) + name.encode())
        frame = START + pickle.FRAME
        assert unpickle(START + old[len(frame) + 8 :]).fields == {"p_val": 0.25}

    def test_plain_values_of_every_kind(self) -> None:
        meta = {"a": [1, -1, 300, 70_000, 2**40, -(2**63)], "b": {"c": (1, 2, 3, 4)}, "d": [None, True, False, 1e-300]}
        assert unpickle(pickled("HeartbeatMessage", meta=meta)).fields["meta"] == {
            **meta,
            "b": {"c": [1, 2, 3, 4]},
        }

    def test_a_long_series(self) -> None:
        series = list(range(50_000))
        assert unpickle(pickled("TimingTierMessage", timing_series=series)).fields["timing_series"] == series

    def test_lone_surrogates_are_replaced(self) -> None:
        assert meta_of(text("a\ud800b")) == "a\ufffdb"


@pytest.mark.parametrize("name", ["snews_pt-3.0.0_coincidence", "snews_pt-3.0.0_timing_binned"])
def test_truncated_anywhere(name: str) -> None:
    content = sample(name).value
    for length in range(len(content)):
        with pytest.raises(MessageRefused):
            unpickle(content[:length])


@settings(max_examples=500)
@given(st.data())
def test_damaged_pickles_are_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(sample("snews_pt-3.0.0_timing_binned", 1).value)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(unpickle(bytes(content)), PickledModel)
    except MessageRefused:
        return


OPCODES = [pickle.MARK, pickle.NONE, pickle.NEWTRUE, pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.EMPTY_SET]
OPCODES += [pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.APPEND]
OPCODES += [pickle.APPENDS, pickle.SETITEM, pickle.SETITEMS, pickle.ADDITEMS, pickle.MEMOIZE, pickle.BINGET + b"\x00"]
OPCODES += [pickle.BUILD, pickle.REDUCE, pickle.NEWOBJ, pickle.STACK_GLOBAL, MODEL, DTYPE, SCALAR, text("__dict__")]
OPCODES += [text("U1"), pickle.BININT1 + b"\x03", pickle.SHORT_BINBYTES + b"\x04a\0\0\0", pickle.STOP]


@settings(max_examples=1_000)
@given(st.lists(st.sampled_from(OPCODES), max_size=40))
def test_programs_of_allowed_opcodes_are_read_or_refused(program: list[bytes]) -> None:
    for content in (START + b"".join(program) + pickle.STOP, model_with(b"".join(program))):
        try:
            assert isinstance(unpickle(content), PickledModel)
        except MessageRefused:
            continue


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(MessageRefused):
        unpickle(START + content)
