"""The guardian: a small process, free of ROS, that alone may energise a robot (docs/robot/guardian.md)."""
