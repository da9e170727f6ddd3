"""What a participant goes through, screen by screen."""
