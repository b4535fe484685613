"""Kafka, through hop-client: the only room that knows either.

:class:`~snews_cs.streams.observations.ObservationStream` reads what detectors publish,
:class:`~snews_cs.streams.publisher.AlertPublisher` publishes alerts and waits for the broker's acknowledgement,
:class:`~snews_cs.streams.alerts.AlertStream` reads alerts back. Each fault is a :class:`snews_cs.errors.StreamError`.
"""
