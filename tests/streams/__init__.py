"""Tests of snews_cs.streams: one suite over the embedded broker and over Apache Kafka."""
