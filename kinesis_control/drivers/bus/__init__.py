"""The bus process: everything between the ROS node and the wire, apart from ROS (docs/robot/bus.md)."""
