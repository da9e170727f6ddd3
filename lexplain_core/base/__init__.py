"""What every room may use: errors, files, text, registries, progress, correlation. No torch."""
