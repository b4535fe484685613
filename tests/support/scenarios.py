"""The scenarios that ship, and the alerts that each is to raise."""

from pathlib import Path

SCENARIOS = {path.stem: path for path in sorted((Path(__file__).parents[2] / "etc" / "scenarios").glob("*.json"))}

ALERTS: dict[str, list[tuple[str, str]]] = {
    "readme": [("INITIAL", "XENONnT KamLAND"), ("INITIAL", "KamLAND Super-K")],
    "edge-of-the-window": [("INITIAL", "NOvA Baksan"), ("INITIAL", "Baksan KM3NeT")],
    "false-alarm": [("INITIAL", "LVD IceCube"), ("UPDATE", "LVD IceCube"), ("RETRACTION", "LVD IceCube")],
    "nonsense": [],
    "pair": [("TEST INITIAL", "XENONnT DS-20K")],
    "pair-at-10-s": [("TEST INITIAL", "XENONnT DUNE")],
    "two-pairs": [("TEST INITIAL", "XENONnT DS-20K"), ("TEST INITIAL", "Baksan JUNO")],
    "same-message-twice": [],
    "same-detector-within-1-s": [],
    "out-of-order": [("TEST INITIAL", "DS-20K DUNE"), ("TEST UPDATE", "XENONnT DS-20K DUNE")],
    "seven-messages": [
        ("TEST INITIAL", "Borexino IceCube"),  # at 10 and 19,
        ("TEST INITIAL", "IceCube NOvA"),  # 21,
        ("TEST UPDATE", "IceCube NOvA DS-20K"),  # 22,
        ("TEST UPDATE", "Borexino IceCube HALO"),  # 20,
        ("TEST UPDATE", "IceCube HALO NOvA DS-20K"),
        ("TEST UPDATE", "IceCube HALO NOvA DS-20K XENONnT"),  # 29
        ("TEST UPDATE", "Borexino JUNO IceCube HALO"),  # and 18 s
        ("TEST INITIAL", "JUNO IceCube HALO NOvA DS-20K"),
    ],
}
"""Of each scenario, in order: the type of each alert, and its members."""

CLIENTS_SCENARIOS = {
    "simple coincidence": "pair",
    "exact 10s coincidence": "pair-at-10-s",
    "two coincidences": "two-pairs",
    "same message submitted twice": "same-message-twice",
    "same detector submits within 1sec": "same-detector-within-1-s",
    "3 coincident message, out of order": "out-of-order",
    "msgs at 10, 19, 21, 22, 20, 29, 18 seconds": "seven-messages",
}
"""What snews_pt calls those that it ships, too, in its order."""
