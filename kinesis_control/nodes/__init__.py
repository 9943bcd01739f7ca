"""Thin wiring of the core to ROS 2; nothing imports this room."""
