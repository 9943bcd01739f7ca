"""Training: references, environments, PPO and export."""
