"""People judge: two-alternative forced-choice studies, as IMI ran them (Zimmermann et al., NeurIPS 2023)."""
