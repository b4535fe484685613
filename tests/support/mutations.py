"""Broken messages without end: the captured samples changed as no client would, reproducible from a seed.

Changes know the structure of what they change: fields of JSON, opcodes of a pickle, Kafka headers. The rest are bytes
at random. Nothing here knows what the server makes of them; some are still good messages.
"""

import json
import pickletools
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any

from tests.support.samples import Sample, samples

Headers = tuple[tuple[str, bytes | None], ...]
Mutant = tuple[Headers, bytes | None]

LARGEST = 900_000
"""Most bytes in a value: what a broker takes by default, headers and all."""

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 0.5, -0.0, 1e-320, 1e308, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**30),
    *(
        "<<NaN>>",
        "<<Infinity>>",
        "<<-Infinity>>",
        "<<1e999>>",
        "<<-1e-999>>",
        "<<" + "9" * 5_000 + ">>",
        "<<01>>",
        "<<>>",
    ),
    *("", " ", "\0", "\n", "\ud800", "\udfff x", "\U0001f4a5", "\u202e\u2028", "ﬀ", "İ", "x" * 201, "y" * 10_001),
    *("ON", "off", "ALL", "all", "TEST", "ICE", "6", "06", " XENONnT ", "SUPER-K", "Unknown", "None", "null", "true"),
    *("CoincidenceTier", "TimeTier", "SigTier", "TimingTier", "Retraction", "Heartbeat", "Tier.COINCIDENCE"),
    *("0_hard-reset", "0_hard-reset_", "0_test-connection", "0_Get-Feedback", "0_broker-change", "0_", "_", "____"),
    *(
        "4_PRE-SN_CoincidenceTier_",
        "XENONnT_PRE-SN",
        "2.0.0",
        "1.",
        "received",
        "this is a test",
        "a@b.org;c@d.org",
        "@",
    ),
    *("0.5", "1e-3", "-1", "NaN", "nan", "inf", "1_0", "\u0660", "0x1", "1" * 5_000),
    *("2016-12-31T23:59:60Z", "2015-12-31T23:59:60Z", "2016-12-31T23:59:60.999999999+00:00", "1969-12-31T23:59:59Z"),
    *("1970-01-01T00:00:00Z", "2262-01-01T00:00:00Z", "9999-12-31T24:00:00Z", "2026-02-30T00:00:00", "2026-11-21"),
    *(
        "2026-11-21T06:39:10.1234567890Z",
        "2026-11-21T06:39:10+99:99",
        "2026-11-21T06:39:10-0000",
        "2026-11-21t06:39:10z",
    ),
    *(
        "26/11/21 06:39:10:123456",
        "21/11/2026 06:39:10",
        "99/99/99 99:99:99",
        "\u0662\u0660\u0662\u0666-11-21T06:39:10Z",
        "T" * 5_000,
    ),
    *([], {}, [[]], [None], {"": None}, {"a": {"b": {"c": []}}}, list(range(300)), {"meta": {"meta": {}}}),
    *(["2026-11-21T06:39:10Z", 1], [1, "2026-11-21T06:39:10Z"], {"pass": "PASS"}, {"format": "json", "content": "{}"}),
)
"""What may stand where something else is expected. ``<<...>>`` becomes JSON text as it is, valid or not."""

_LITERAL = re.compile(r'"<<([^"]*)>>"')

_HOSTILE = (
    *(b"cos\nsystem\n", b"\x8c\x02os\x8c\x06system\x93", b"\x8c\x08builtins\x8c\x04eval\x93", b"(ios\nsystem\n", b"o"),
    *(
        b"\x8c\x08builtins\x8c\x07getattr\x93",
        b"\x8c\x08snews_cs\x8c\x04main\x93",
        b"\x85R",
        b"\x86R",
        b")R",
        b"}b",
        b"N",
    ),
    *(
        b"\x82\x01",
        b"\x84\xff\xff\xff\x7f",
        b"Pid\n",
        b"Q",
        b"\x92",
        b"\x81",
        b"0",
        b"1",
        b"2" * 50,
        b"(" * 50,
        b".",
        b"",
    ),
    *(b"\x8b\xff\xff\xff\x7f", b"\x8a\xff" + b"\x7f" * 255, b"\x8a\x00", b"\x8d" + b"\xff" * 8, b"\x8e" + b"\xff" * 8),
    *(
        b"B\xff\xff\xff\xff",
        b"X\xff\xff\xff\x7f",
        b"\x95" + b"\xff" * 8,
        b"\x96" + b"\xff" * 8,
        b"\x80\x02",
        b"\x80\xff",
    ),
    *(
        b"h\xff",
        b"j\xff\xff\xff\xff",
        b"r\xff\xff\xff\x7f",
        b"p1000000000\n",
        b"I99999999999999999999\n",
        b"L9L\n",
        b"Fnan\n",
    ),
    *(
        b"G\x7f\xf8\0\0\0\0\0\0",
        b"\x8f\x8f\x90",
        b"\x91",
        b"\x97",
        b"\x98",
        b"\x94h\x00h\x00\x86\x94" * 20,
        b"\x8c\x02\xff\xfe",
    ),
    *(
        b"\x8c\x03\xed\xa0\x80",
        b"S'x'\n",
        b"V\\ud800\n",
        b"]\x94",
        b"a",
        b"e",
        b"s",
        b"u",
        b"t",
        b"(]h\x00e",
        b"(" * 5_000,
    ),
)
"""Opcodes that no message has: calls, names, references, and lengths beyond the end."""


def mutations(seed: int) -> Iterator[Mutant]:
    """Yield the headers and values of broken messages, without end.

    Parameters
    ----------
    seed
        The same seed gives the same messages.

    Yields
    ------
    tuple
        Headers (name and value each, as :class:`~snews_cs.messages.raw.RawMessage` has them) and a value of at most
        :data:`LARGEST` bytes, None for a tombstone. Kafka takes all of them.
    """
    random = Random(seed)
    found = [sample for sample in samples() if sample.value]
    makers, weights = zip(*_MAKERS, strict=True)
    while True:
        sample = random.choice(found)
        (make,) = random.choices(makers, weights)
        value = make(random, sample)
        headers = _other_headers(random, sample.headers) if random.random() < 0.3 else sample.headers
        yield headers, value if value is None else value[:LARGEST]


def _json(random: Random, sample: Sample) -> bytes:
    """Return the sample's fields, some of them changed, as some kind of JSON."""
    fields = deepcopy(sample.fields)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        _change_place(random, fields)
    return _written(random, fields)


def _mixed(random: Random, sample: Sample) -> bytes:
    """Return two samples' fields in one message."""
    other = deepcopy(random.choice(samples()).fields)
    taken = random.sample(sorted(other), random.randint(0, len(other)))
    return _written(random, {**sample.fields, **{name: other[name] for name in taken}})


def _change_place(random: Random, fields: dict[str, Any]) -> None:
    """Change one place of nested JSON: mostly at the top, where what is read stands."""
    place: Any = fields
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = random.choice(keys)
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or random.random() < 0.5:
            break
        place = inner
    match random.randrange(8):
        case 0:
            del place[key]
        case 1:
            place[key] = [inner] if random.random() < 0.5 else {"value": inner}
        case 2:
            place[key] = json.dumps(inner)
        case 3 if isinstance(place, dict):
            place[random.choice((str(key).upper(), f"_{key}", f"{key} ", "", "id", "_id", "tier", "pass"))] = place.pop(
                key
            )
        case 4:
            other = random.choice(keys)
            place[key], place[other] = place[other], inner
        case 5 if isinstance(inner, str):
            at = random.randint(0, len(inner))
            place[key] = inner[:at] + random.choice(("", "\0", "é", "\ud800", "_", " ", "Z", "9" * 9)) + inner[at + 1 :]
        case _:
            place[key] = deepcopy(random.choice(ODD))


def _written(random: Random, content: object) -> bytes:
    """Return JSON text, as UTF-8 or not, whole or not, once or in layers."""
    text = json.dumps(content, ensure_ascii=random.random() < 0.5)
    text = _LITERAL.sub(r"\1", text)
    way = random.randrange(20)
    if way == 0:
        key = random.choice(("detector_name", "neutrino_time", "neutrino_time_utc", "is_test", "id", "_id", "pass"))
        text = f'{text[:-1]}, "{key}": {json.dumps(random.choice(ODD))}}}'  # the key twice, perhaps
    elif way == 1:
        text = json.dumps(text)
    elif way == 2:
        text = json.dumps({"format": random.choice(("json", "blob", "", None)), "content": content})
    elif way == 3:
        text = f"[{text}]"
    elif way == 4:
        depth = random.choice((20, 31, 32, 33, 1_000))
        text = f'{text[:-1]}, "meta": {"[" * depth}{"]" * random.choice((depth, depth, depth - 1))}}}'
    elif way == 5:
        text += random.choice((",", "}", "\n{}", "\0", " ", "// end", text))
    encoding = random.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7", "latin-1")) if way == 6 else "utf-8"
    value = text.encode(encoding, "replace" if encoding == "latin-1" else "surrogatepass")
    return value[: random.randint(0, len(value))] if way == 7 else value


def _opcodes(random: Random, sample: Sample) -> bytes:
    """Return a pickle with opcodes left out, doubled, moved, replaced, or come in."""
    programs = _programs()
    program = list(random.choice(programs))
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        at = random.randrange(len(program))
        match random.randrange(6):
            case 0:
                del program[at]
            case 1:
                program.insert(at, program[at])
            case 2:
                other = random.randrange(len(program))
                program[at], program[other] = program[other], program[at]
            case 3:
                program[at] = random.choice(random.choice(programs))
            case 4:
                program[at] = program[at][:1] + random.randbytes(len(program[at][1:]))
            case _:
                program.insert(at, random.choice(_HOSTILE))
        program = program or [b""]
    return b"".join(program)


@cache
def _programs() -> tuple[tuple[bytes, ...], ...]:
    """Return the opcodes, each with its argument, of every pickled sample."""
    programs = []
    for pickled in (sample.value for sample in samples() if sample.value.startswith(b"\x80")):
        starts = [place for _, _, place in pickletools.genops(pickled) if place is not None]
        programs.append(tuple(pickled[start:end] for start, end in pairwise([*starts, len(pickled)])))
    return tuple(programs)


def _damaged(random: Random, sample: Sample) -> bytes:
    """Return the sample's bytes with some replaced, left out, doubled, or cut off."""
    value = sample.value
    for _ in range(random.choice((1, 1, 2, 5))):
        start = random.randint(0, len(value))
        end = start + random.choice((0, 1, 1, 2, 8, 100))
        part = random.choice((b"", random.randbytes(1), random.randbytes(5), value[start:end] * 2, b"\xc3", b'"', b"}"))
        value = value[:start] + part + value[end:]
    return value[: random.randint(0, len(value))] if random.random() < 0.2 else value


def _noise(random: Random, sample: Sample) -> bytes:
    start = random.choice(
        (b"", b"", b"\x80", b"\x80\x04", b"\x80\x05\x95", b"{", b"[", b'"', b"\xef\xbb\xbf", b"\xff\xfe")
    )
    return start + random.randbytes(random.choice((0, 1, 7, 40, 400)))


def _nothing(random: Random, sample: Sample) -> bytes | None:
    return random.choice((None, b"", b" ", b"null", b"{}", b"[]", b'""', b"0", b"\x80", b"."))


def _huge(random: Random, sample: Sample) -> bytes:
    """Return as much as a broker takes, of something that a careless reader would choke on."""
    part, end = random.choice(
        (
            (b"[", b""),
            (b'{"a":', b""),
            (b"[" * 30 + b"]" * 30 + b",", b""),
            (b'{"detector_name": "LVD"},', b"]"),
            (b'"\\ud800', b'"'),
            (b"9", b""),
            (b"\\", b'"'),
            (b"\x80\x04" + b"(" * 1_000, b"."),
            (b"\x94h\x00h\x00\x86", b"."),
            (b"\x8c\xff" + b"x" * 255 + b"\x94", b"."),
        )
    )
    start = random.choice((b"", b'{"meta": ', b'{"neutrino_time": ', b"[", b'"', b"\x80\x04", b"\x80\x04]"))
    return start + part * ((LARGEST - len(start) - len(end)) // len(part)) + end


_MAKERS: tuple[tuple[Callable[[Random, Sample], bytes | None], float], ...] = (
    (_json, 45),
    (_mixed, 10),
    (_opcodes, 25),
    (_damaged, 12),
    (_noise, 6),
    (_nothing, 2),
    (_huge, 0.02),
)
"""What makes a value, and how often."""


def _other_headers(random: Random, headers: Headers) -> Headers:
    """Return headers with one left out, doubled, changed, or added."""
    changed = list(headers)
    name = random.choice(("_id", "_format", "_test", "_sender", "pass", "_ID", "é", "x" * 500))
    contents = (None, b"", b"true", b"json", b"blob", b"snewsobservation", b"external", b"\xff\xfe", b"x" * 5_000)
    at = random.randrange(len(changed) + 1)
    match random.randrange(4):
        case 0 if changed:
            del changed[at - 1]
        case 1 if changed:
            changed[at - 1] = (changed[at - 1][0], random.choice(contents))
        case 2 if changed:
            changed.append(changed[at - 1])
        case _:
            changed.insert(at, (name, random.choice((*contents, random.randbytes(16)))))
    return tuple(changed)
