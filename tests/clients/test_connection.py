"""``test_connection`` of the released clients says whether there is a server."""

from collections.abc import Callable
from pathlib import Path

from tests.clients.conftest import each_client
from tests.support.broker import write_auth
from tests.support.snews_pt import SnewsPt
from tests.support.system import System

FROM_START = ("--patience", "1", "--start_at", "EARLIEST")


@each_client
def test_it_is_confirmed_by_a_server_that_logs_in_as_well(system: System, snews_pt: SnewsPt, tmp_path: Path) -> None:
    write_auth(tmp_path / "server", system.broker.address)
    system.start(credentials=tmp_path / "server")
    printed = snews_pt.run("test-connection", *FROM_START)
    assert "You (XENONnT) have a connection to the server at " in printed


@each_client
def test_it_is_confirmed_to_a_client_as_delivered(system: System, desk: Callable[..., SnewsPt]) -> None:
    """It has no name yet and reads from the end of the topic on; but for its patience, which is 8 s."""
    system.start()
    assert "You (TEST) have a connection to the server at " in desk("TEST").run("test-connection", "--patience", "4")


@each_client
def test_it_is_confirmed_in_a_firedrill_by_its_server(system: System, desk: Callable[..., SnewsPt]) -> None:
    system.start(options=["--firedrill"])
    assert "couldn't get a confirmation" in desk("JUNO").run("test-connection", *FROM_START)
    printed = desk("XENONnT", firedrill=True).run("test-connection", *FROM_START)
    assert "You (XENONnT) have a connection to the server at " in printed


@each_client
def test_it_is_not_confirmed_without_a_server(snews_pt: SnewsPt) -> None:
    assert "couldn't get a confirmation" in snews_pt.run("test-connection", *FROM_START)
