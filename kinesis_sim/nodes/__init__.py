"""The simulator's ROS 2 node."""
