"""What a study will need, before anything runs: estimates from parameters and short measurements of this machine."""
