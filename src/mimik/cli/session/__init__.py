"""``mimik session``: what was recorded, shown, exported, compared and deleted."""
