"""mongomock 4.3 and the bulk operations of a pymongo that has one option more than it knows of."""

from typing import Any

import pytest
from mongomock.collection import BulkOperationBuilder


def mend_bulk_replacing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let mongomock's ``bulk_write`` take a ``ReplaceOne`` that does not say which of several it means."""
    original: Any = BulkOperationBuilder.add_replace

    def add_replace(builder: Any, *arguments: Any, sort: None = None, **options: Any) -> None:
        assert sort is None
        original(builder, *arguments, **options)

    monkeypatch.setattr(BulkOperationBuilder, "add_replace", add_replace)
