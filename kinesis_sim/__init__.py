"""MuJoCo: bodies and the stepped world."""
