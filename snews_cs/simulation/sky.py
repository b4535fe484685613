"""When a supernova's neutrinos reach which detector: light-travel delays between places on Earth.

A plane wave from the direction of the unit vector **n** (from the Earth to the source) reaches the place **r** earlier
than the Earth's centre if **r** is on the source's side::

    delay = -(r . n) / c

with **r** from the Earth's centre (WGS84) and both vectors in the frame that turns with the Earth; see e.g. N. B.
Linzer and K. Scholberg, *Triangulation pointing to core-collapse supernovae with next-generation detectors*, Phys. Rev.
D 100, 103005 (2019). Two detectors are thus at most the Earth's diameter apart, 42.5 ms. That neutrinos with mass are
slower than light (by about 10 us for 0.05 eV, 10 MeV and 10 kpc) is left out: it delays all detectors alike.
"""

import math
from dataclasses import dataclass

import erfa
import numpy as np
import numpy.typing as npt

from snews_cs.messages.times import posix_from_tai
from snews_cs.messages.types import Nanoseconds

Vector = npt.NDArray[np.float64]
"""Three Cartesian components."""

SPEED_OF_LIGHT = 299_792_458.0
"""m/s"""

_DAY_NS = 86_400 * 10**9
_UNIX_EPOCH_JD = 2_440_587.5
_TT_MINUS_TAI_NS = 32_184_000_000
_WGS84 = 1


@dataclass(frozen=True, slots=True)
class Direction:
    """A direction in the sky: right ascension and declination (ICRS), degrees."""

    ra_deg: float
    dec_deg: float


GALACTIC_CENTRE = Direction(266.42, -29.01)
"""Where most of the Galaxy's stars are."""


def position(latitude_deg: float, longitude_deg: float) -> Vector:
    """Return a place at sea level, Earth-fixed, from the Earth's centre, m.

    Parameters
    ----------
    latitude_deg, longitude_deg
        Degrees north and east.
    """
    place: Vector = erfa.gd2gc(_WGS84, math.radians(longitude_deg), math.radians(latitude_deg), 0.0)
    return place


def to_source(direction: Direction, time_ns: Nanoseconds) -> Vector:
    """Return the unit vector from the Earth to the source, Earth-fixed.

    The Earth's rotation angle, with precession and nutation (IAU 2006/2000A), comes from erfa. UTC stands for UT1 and
    the pole's motion is left out: within 0.9 s and 0.5 arc seconds, hence 1.5 us of delay.

    Parameters
    ----------
    direction
        Where the source is.
    time_ns
        TAI ns.
    """
    turned = erfa.c2t06a(*_julian(time_ns + _TT_MINUS_TAI_NS), *_julian(posix_from_tai(time_ns)), 0.0, 0.0)
    fixed: Vector = turned @ erfa.s2c(math.radians(direction.ra_deg), math.radians(direction.dec_deg))
    return fixed


def delay_ns(place: Vector, source: Vector) -> Nanoseconds:
    """Return how much later than at the Earth's centre a burst arrives at a place, ns; negative if earlier.

    Parameters
    ----------
    place
        From :func:`position`, m.
    source
        From :func:`to_source`.
    """
    return round(-float(place @ source) / SPEED_OF_LIGHT * 1e9)


def _julian(ns_since_1970: int) -> tuple[float, float]:
    """Return a Julian date in two parts, days, for a time in ns since 1970 on any scale."""
    days, ns = divmod(ns_since_1970, _DAY_NS)
    return _UNIX_EPOCH_JD + days, ns / _DAY_NS
