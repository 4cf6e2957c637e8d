"""An honest race: the same cell, protocol and draws integrated by this engine and by others, at equal error reached."""
