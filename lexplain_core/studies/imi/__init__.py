"""IMI's released answers (Zenodo record 8131197) as a study."""
