"""What a page computes before it draws: tables, sentences, selections. No Streamlit, no charts, no torch."""
