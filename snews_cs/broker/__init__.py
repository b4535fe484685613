"""The embedded Kafka-protocol broker, for one machine: tests and demonstrations. Production is a Kafka cluster."""
