"""Which images a 2AFC trial shows, and how a machine answers it (IMI: Zimmermann et al., NeurIPS 2023)."""
