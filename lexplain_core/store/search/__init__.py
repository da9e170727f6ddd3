"""Finding units: filters, orders and starting points, each with its SQL and its sentence."""
