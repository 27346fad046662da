"""How long methods and engines take, always as a ratio to the same engine's plain work, timed beside it."""
