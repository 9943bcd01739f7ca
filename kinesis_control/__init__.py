"""What runs on a robot: state, observation, contract, policy, safety. Neither MuJoCo nor torch."""
