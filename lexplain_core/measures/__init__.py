"""How good explanations are and how much units matter: correlation and its null, ablation, impact, output effects."""
