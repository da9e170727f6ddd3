"""What people answered: shares with intervals, verdicts on sessions, tables to export."""
