"""Looking into data: what of people and secrets is in it, and whether it is good enough. Pure."""
