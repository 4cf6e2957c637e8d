"""Where the ions are: solutions, membrane, organelles and the pipette."""
