"""The engine's room: the bay table, who changes it, what it is told, and what it wishes of the world."""
