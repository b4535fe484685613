"""The cache as a table: one row for each (observation, sublist), as a pandas DataFrame.

The index, ``line_id``, tells observations apart: an observation that is in two sublists has two rows with the same
index label. Rows are ordered by sublist number, then time, then line id. The columns:

===================== =================== ==============================================================
``detector_name``     str                 the registry's name
``neutrino_time_ns``  int64               TAI ns (:mod:`snews_cs.messages.times` makes UTC of it)
``p_value``           float64             NaN: none was given
``message_uuid``      str                 of the message that last opened or refined the observation
``received_time``     int64               TAI ns, when that message was received
``sub_list_num``      int64               number of the sublist
``neutrino_time_delta`` timedelta64[ns]   elapsed since the sublist's initial message, leap seconds counted
``is_initial``        bool                whether it is that initial message: the earliest, then lowest line id
===================== =================== ==============================================================

Times stay TAI integers: a ``datetime64`` cannot hold a leap second. ``str`` is pandas' own string type, which before
pandas 3 is ``object``.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from snews_cs.messages.types import Nanoseconds

Integers = npt.NDArray[np.int64]


class AnyLine(Protocol):
    """A live observation: the engine's own, or a :class:`snews_cs.coincidence.types.LineRecord`."""

    @property
    def line_id(self) -> int:
        """What tells it from others."""

    @property
    def detector_name(self) -> str:
        """Who saw it."""

    @property
    def neutrino_time_ns(self) -> Nanoseconds:
        """When."""

    @property
    def p_value(self) -> float | None:
        """How likely it is background."""

    @property
    def message_uuid(self) -> str:
        """Which message said so last."""

    @property
    def received_ns(self) -> Nanoseconds:
        """When that message was received."""


class AnySublist(Protocol):
    """A sublist: the engine's own, or a :class:`snews_cs.coincidence.types.SublistRecord`."""

    @property
    def number(self) -> int:
        """Its number."""

    @property
    def line_ids(self) -> tuple[int, ...]:
        """Its lines, in order of time, then line id."""


def cache_frame(lines: Iterable[AnyLine], sublists: Iterable[AnySublist]) -> pd.DataFrame:
    """Return the observations of one cache and the sublists they are in.

    Parameters
    ----------
    lines
        Every live observation of the cache, in any order.
    sublists
        Every sublist of the cache, by number; each names its lines in order of time, then line id.

    Returns
    -------
    pandas.DataFrame
        As described in :mod:`snews_cs.coincidence.frame`; dtypes are the same when it is empty.

    Raises
    ------
    KeyError
        If a sublist names a line that is not among ``lines``.
    """
    lines, listed_by = list(lines), [(sublist.number, sublist.line_ids) for sublist in sublists]
    observations = pd.DataFrame(
        {
            "detector_name": pd.Series([line.detector_name for line in lines], dtype="str"),
            "neutrino_time_ns": np.array([line.neutrino_time_ns for line in lines], dtype=np.int64),
            "p_value": np.array([line.p_value for line in lines], dtype=np.float64),
            "message_uuid": pd.Series([line.message_uuid for line in lines], dtype="str"),
            "received_time": np.array([line.received_ns for line in lines], dtype=np.int64),
        }
    )
    observations.index = pd.Index([line.line_id for line in lines], dtype=np.int64, name="line_id")
    sizes = np.array([len(line_ids) for _, line_ids in listed_by], dtype=np.int64)
    numbers = np.array([number for number, _ in listed_by], dtype=np.int64)
    listed = np.fromiter(chain.from_iterable(line_ids for _, line_ids in listed_by), np.int64, count=sizes.sum())
    return _with_sublists(observations.loc[listed], sizes, numbers)


def assign_sublists(frame: pd.DataFrame, threshold_ns: Nanoseconds = 10 * 10**9) -> pd.DataFrame:
    """Work out the sublists of SPEC section 3 from nothing but the observations.

    The window of an observation *a* holds every *b* with ``0 <= t(b) - t(a) <= threshold_ns``; the sublists are the
    windows that no other one properly contains. In order of time a window is a slice, so all of them together are two
    binary searches, and of slices that begin ever later one is contained in another only if it ends no later than
    the one before it.

    Parameters
    ----------
    frame
        Observations: at least ``neutrino_time_ns``, and an index that tells them apart. Rows with the same index
        label are the same observation; its sublist columns, if there are any, are not looked at.
    threshold_ns
        Length of the coincidence window, ns, inclusive.

    Returns
    -------
    pandas.DataFrame
        The same observations with ``sub_list_num`` (0, 1, 2, ... in order of initial time, whatever numbers the
        sublists had), ``neutrino_time_delta`` and ``is_initial`` anew, one row for each (observation, sublist).
    """
    observations = frame[~frame.index.duplicated()]
    in_order = np.lexsort((observations.index.to_numpy(), observations["neutrino_time_ns"].to_numpy()))
    observations = observations.iloc[in_order]
    times = observations["neutrino_time_ns"].to_numpy()

    _, begins = np.unique(times, return_index=True)
    ends = np.searchsorted(times, times[begins] + threshold_ns, side="right")
    maximal = np.diff(ends, prepend=0) > 0
    begins, sizes = begins[maximal], (ends - begins)[maximal]

    rows = np.repeat(begins - _starts(sizes), sizes) + np.arange(sizes.sum())
    return _with_sublists(observations.iloc[rows], sizes, np.arange(len(sizes)))


def _with_sublists(frame: pd.DataFrame, sizes: Integers, numbers: Integers) -> pd.DataFrame:
    """Add the columns of the sublists, of which the frame's rows are the observations, one sublist after the other."""
    times = frame["neutrino_time_ns"].to_numpy()
    starts = _starts(sizes)
    is_initial = np.zeros(len(frame), dtype=np.bool_)
    is_initial[starts] = True
    return frame.assign(
        sub_list_num=np.repeat(numbers, sizes),
        neutrino_time_delta=(times - np.repeat(times[starts], sizes)).astype("timedelta64[ns]"),
        is_initial=is_initial,
    )


def _starts(sizes: Integers) -> Integers:
    """Return at which row each of the sublists begins."""
    return np.cumsum(sizes) - sizes
