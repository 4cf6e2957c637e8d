"""Tests of where a study runs."""
