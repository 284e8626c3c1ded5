"""Real servers on one machine with nothing but Python: Apache Kafka and PostgreSQL."""
