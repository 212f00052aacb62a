"""What the station touches: docks, printers, inputs, displays, drives. One file adds a device."""
