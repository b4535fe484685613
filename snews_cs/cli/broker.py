"""``snews_cs broker``: the embedded Kafka-protocol broker."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from snews_cs.errors import SettingsError

_DEFAULT_PORT = 9092


def _default_data() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "snews_cs" / "broker"


def _parse_users(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    users = {}
    for value in values:
        name, colon, password = value.partition(":")
        if not (name and colon and password):
            raise click.BadParameter("give it as NAME:PASSWORD")
        users[name] = password
    return users


@click.command(short_help="Run the embedded Kafka-protocol broker (one machine only).")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_DEFAULT_PORT,
    show_default=True,
    help="Port to listen on; 0 takes any free one.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=_default_data,
    show_default="~/.local/state/snews_cs/broker",
    help="Directory of the log.",
)
@click.option(
    "--user",
    "users",
    multiple=True,
    metavar="NAME:PASSWORD",
    callback=_parse_users,
    envvar="SNEWS_CS_BROKER_USERS",
    help="User who may log in (SASL/PLAIN, no TLS); repeat it for more. With users, --port serves nobody "
    "who does not log in.",
)
@click.option(
    "--plain-port",
    type=click.IntRange(0, 65535),
    help="Second port that asks for no login, for `hop --no-auth`; 0 takes any free one.",
)
@click.option(
    "--topic",
    "topics",
    multiple=True,
    metavar="NAME",
    help="Topic to be there from the start; repeat it for more. Readers need it: they wait for no topic.",
)
@click.option(
    "--partitions", type=click.IntRange(1, 256), default=1, show_default=True, help="Partitions of a new topic."
)
@click.option(
    "--auto-create/--no-auto-create",
    default=True,
    show_default=True,
    help="Make a topic when a writer first asks for it.",
)
def broker(
    port: int,
    data: Path,
    users: dict[str, str],
    plain_port: int | None,
    topics: tuple[str, ...],
    partitions: int,
    auto_create: bool,
) -> None:
    """Run the embedded Kafka-protocol broker, until SIGTERM or Ctrl-C.

    It is for one machine, for tests and demonstrations: it listens on 127.0.0.1 only, is one process without copies
    of its data, and does not share out partitions among the members of a group. Production is a Kafka cluster.

    What it has acknowledged it keeps, also when it is killed. hop, snews_pt and other Kafka clients use it unchanged,
    for example: hop publish --no-auth kafka://127.0.0.1:9092/snews.experiments-test message.json
    """
    from snews_cs.broker.config import BrokerConfig
    from snews_cs.broker.server import CannotStart, run

    config = BrokerConfig(
        data=data,
        port=port,
        users=users,
        plain_port=plain_port,
        topics=topics,
        partitions=partitions,
        auto_create=auto_create,
    )

    def tell(ports: Sequence[int]) -> None:
        logins = ["login by SASL/PLAIN" if users else "no login", "no login"]
        where = ", ".join(f"kafka://127.0.0.1:{port} ({login})" for port, login in zip(ports, logins, strict=False))
        click.echo(f"The embedded broker is ready: {where}; its log is in {data}")

    try:
        run(config, tell)
    except CannotStart as error:
        raise SettingsError(str(error)) from error
