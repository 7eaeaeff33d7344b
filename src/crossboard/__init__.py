"""crossboard."""
