"""What travels on the wires, as pure functions: no socket, no clock, no driver. Drivers and the emulated robot share them."""
