"""Asking models and scoring what they say: character, subject, endings, words."""
