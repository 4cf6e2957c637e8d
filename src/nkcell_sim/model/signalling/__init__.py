"""Signalling steps: PLC and IP3, mu-opioid receptor to TRPM3, degranulation and NFAT, one file each."""
