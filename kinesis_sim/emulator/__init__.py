"""An android in a process of its own that speaks what real hardware speaks."""
