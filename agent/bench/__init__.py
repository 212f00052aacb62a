"""The hands of the engine: bays, drives that come and go, workers, books, and what is wished of the world."""
