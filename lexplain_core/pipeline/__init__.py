"""From a config to a store: stages, what they hand on, and what is written."""
