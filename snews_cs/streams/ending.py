"""Ending clients of librdkafka.

Destroying a client whose broker has just gone may take seconds, and may hang for ever (librdkafka issue 5476: its
threads lock each other out). So no thread that anything depends on destroys one, nor may the garbage collector, which
works in any thread: each is handed over to a thread of its own, and nobody else refers to it when that lets go of it.
An error's traceback refers to all that was at work when it was raised; who hands over has stripped it off before.
"""

import threading
import time
from typing import Any

import structlog
from confluent_kafka import KafkaException

log = structlog.get_logger(__name__)

THREAD_NAME = "ends a Kafka client"

_LETS_GO_AFTER_S = 0.1
"""When another thread that was about to use the client has finished with it, s."""


def end_in_background(clients: list[Any], *, close: bool = False) -> threading.Event:
    """Destroy clients in a thread of its own, and return what is set as soon as they are closed.

    Parameters
    ----------
    clients
        To be the only references to them; the list is emptied.
    close
        Whether to call the first one's ``close`` before; it is logged if that fails.
    """
    closed = threading.Event()

    def end() -> None:
        try:
            if close:
                clients[0].close()
        except KafkaException as error:
            log.warning("what was marked as read could not be committed", error=str(error))
        finally:
            closed.set()
            time.sleep(_LETS_GO_AFTER_S)
            clients.clear()

    threading.Thread(target=end, name=THREAD_NAME, daemon=True).start()
    return closed
