"""Our own machine: its files, its clock, and whether a server runs here."""

import ctypes
import json
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from snews_cs.errors import SettingsError
from snews_cs.messages.registry import Registry
from snews_cs.monitoring.doctor.finding import Finding, Level

_UNSYNCHRONISED = 5  # TIME_ERROR of <sys/timex.h>
_PATIENCE_S = 3.0


class _Time(ctypes.Structure):
    """``struct ntptimeval``: the time, and how far off it may be, us."""

    _fields_ = [
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("most_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("tai_offset", ctypes.c_long),
        ("reserved", ctypes.c_long * 4),
    ]


def check_registry(path: Path | None) -> Finding:
    """Read the registry of detectors (``DETECTOR_REGISTRY``)."""
    try:
        registry = Registry.load(path)
    except SettingsError as error:
        return Finding(Level.FAILED, "registry", str(error), "mend the file, or take DETECTOR_REGISTRY out")
    return Finding(Level.OK, "registry", f"{len(registry.detectors)} detectors")


def check_clock() -> Finding:
    """Ask the kernel whether anything keeps its clock, be it chrony, ntpd or systemd-timesyncd."""
    try:
        ask = ctypes.CDLL(None).ntp_gettimex
    except AttributeError:
        return Finding(Level.WARNING, "clock", "this system does not say whether it is synchronised", "see to it")
    answer = _Time()
    if ask(ctypes.byref(answer)) == _UNSYNCHRONISED:
        return Finding(
            Level.WARNING, "clock", "is not synchronised, says the kernel", "run chrony, ntpd or systemd-timesyncd"
        )
    return Finding(Level.OK, "clock", f"is synchronised, off by at most {answer.most_error / 1000:.0f} ms")


def check_server(address: str) -> Finding:
    """Ask a server on this machine how it is (``MONITORING_ADDRESS``)."""
    if address == "off":
        return Finding(Level.WARNING, "server", "MONITORING_ADDRESS is off: it cannot be asked", "turn it on")
    host, _, port = address.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/healthz")
        health = json.loads(connection.getresponse().read(100_000))
        status, problems, warnings = health["status"], "; ".join(health["problems"]), "; ".join(health["warnings"])
    except ConnectionRefusedError:
        return Finding(Level.WARNING, "server", f"none answers at {address}", "start it: snews_cs run-coincidence")
    except (OSError, HTTPException) as error:
        return Finding(Level.FAILED, "server", f"no health at {address}: {error}", "look at its log; restart it")
    except (ValueError, LookupError, TypeError):
        return Finding(Level.WARNING, "server", f"another program answers at {address}", "change MONITORING_ADDRESS")
    finally:
        connection.close()
    if problems:
        return Finding(Level.FAILED, "server", f"at {address}: {problems}", "mend what it says; see its log")
    if warnings:
        remedy = "see its log; who is silent, say snews_cs detectors"
        return Finding(Level.WARNING, "server", f"at {address}: {warnings}", remedy)
    return Finding(Level.OK, "server", f"at {address} says {status}")
