"""Messages <-> dataclasses, QoS profiles, running and reporting: what every node shares."""
