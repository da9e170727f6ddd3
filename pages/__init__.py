"""What a person sees: one file a page, and what the pages share."""
