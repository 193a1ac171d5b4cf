"""Figures, pages and PDFs made from sessions."""
