"""A study before anybody has answered: its units, trials and pictures."""
