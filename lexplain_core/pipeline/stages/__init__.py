"""The stages of a build that have a file of their own."""
