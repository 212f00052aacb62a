"""Every thread of the daemon but the engine's."""
