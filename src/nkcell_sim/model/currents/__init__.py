"""Currents through the plasma membrane, one file each."""
