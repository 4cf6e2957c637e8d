"""Electroneutral transport, Ca2+ stores, buffers and indicators, one file each."""
