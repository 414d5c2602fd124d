"""Plain building blocks of transformers: norms, rotary positions, attention, key-value cache. No song in them."""
