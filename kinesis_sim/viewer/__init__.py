"""The page: from a body and its state to what a browser draws, and from what a browser sends to orders. No ROS here."""
